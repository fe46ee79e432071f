import ClusterAPI
import Planning

/// A cluster without processes in which every step succeeds at once, so that a test can watch what
/// is done about it from the first step to the last.
struct RehearsedCluster {
    var seen: Observation
    /// What keeps a member from running: nil for one that comes up.
    var flaw: (LaunchRecord) -> String? = { _ in nil }
    /// The most voters that did not serve at once.
    private(set) var mostAway = 0

    init(_ spec: ClusterSpec = ClusterSpec(), replicas: Int = 3) {
        var wanted = spec
        wanted.replicas = replicas
        seen = Orders.voters(replicas).with { record in
            record.accepted.spec = wanted
            record.applied.spec = wanted
            let flags = MemberFlags(record: record, spec: wanted)
            for member in record.members {
                record.update(member.name) {
                    $0.launch = LaunchRecord(
                        program: "old",
                        sha256: "old",
                        arguments: flags.arguments(member)
                    )
                }
            }
        }
        seen.spec = wanted
        seen.comparedAt = seen.now.monotonic
    }

    var record: ClusterRecord { seen.known }

    mutating func edit(_ change: (inout ClusterSpec) -> Void) {
        change(&seen.spec)
        let spec = seen.spec
        seen = seen.with { record in
            record.accepted.spec = spec
            record.accepted.metadata.generation += 1
        }
    }

    /// Goes on until there is nothing to do for a minute, and returns what was done.
    mutating func settle() -> [String] {
        var done: [String] = []
        var idle = Duration.zero
        while idle < .seconds(60), done.count < 500 {
            let before = seen.now.monotonic
            let steps = turn()
            idle = steps.isEmpty ? idle + (seen.now.monotonic - before) : .zero
            done += steps.map(\.description)
        }
        return done
    }

    /// One pass, and the time until the next.
    @discardableResult
    mutating func turn() -> [Step] {
        let plan = plan(seen)
        seen.now.monotonic += max(plan.recheckAfter, .milliseconds(1))
        for step in plan.steps { carryOut(step) }
        let voters = seen.memberList?.entries.filter { !$0.isLearner }.map(\.id) ?? []
        let away = seen.members.count { member in
            !member.probe.isServing && voters.contains(record.member(member.name)?.id ?? "")
        }
        mostAway = max(mostAway, away)
        return plan.steps
    }

    private mutating func carryOut(_ step: Step) {
        switch step {
        case .beginRollout(let target):
            let isSame = target.spec.engine == record.applied.spec.engine
            let program = isSame ? "old" : "new"
            seen = seen.with {
                $0.rollout = Rollout(
                    target: target,
                    goal: $0.accepted,
                    program: program,
                    sha256: program
                )
            }
        case .relaunch(let name):
            let next = record.member(name).flatMap(record.wantedLaunch)
            seen = seen.with { $0.update(name) { $0.next = next } }
            end(name, .stopped)
        case .correctLaunch(let name):
            if let member = record.member(name) {
                seen = seen.with { $0.correctLaunch(of: member) }
            }
            // What it did with the one before says nothing about this.
            if let index = seen.members.firstIndex(where: { $0.name == name }) {
                seen.members[index].exits = ExitHistory()
            }
        case .withdrawLaunch(let name):
            seen = seen.with { $0.update(name) { $0.launched = false } }
        case .accept(let name):
            seen = seen.with { $0.update(name) { $0.lastGood = nil } }
        case .rollBack(let name, let why):
            if let member = record.member(name) {
                seen = seen.with { $0.rollBack(member, why: why) }
            }
            end(name, .stopped)
        case .haltRollout(let why):
            seen = seen.with { $0.rollout?.halted = why }
        case .finishRollout:
            seen = seen.with { record in
                if let target = record.rollout?.target { record.applied = target }
                record.rollout = nil
            }
        case .start(let name, _): start(name)
        case .moveLeader(let name):
            let id = record.member(name)?.id
            for index in seen.members.indices where seen.members[index].probe.isServing {
                seen.members[index].probe.leaderID = id
            }
        case .compareHashes:
            let answers = seen.serving.filter { !$0.probe.isLearner }.map {
                ($0.name, HashComparison.Answer(hash: 1, compactRevision: 0))
            }
            let comparison = HashComparison(
                at: seen.now.monotonic,
                revision: 5,
                answers: Dictionary(uniqueKeysWithValues: answers)
            )
            seen.comparisons = [comparison]
            seen.comparedAt = seen.now.monotonic
        default: changeMembers(step)
        }
    }

    private mutating func changeMembers(_ step: Step) {
        switch step {
        case .enlist:
            let number = record.nextOrdinal
            let target = seen.joinsAsRolledOut(record) ? record.rollout?.target : nil
            let network = (target ?? record.applied).spec.network
            let slot = ClusterRecord.Slot(
                address: network.address,
                block: network.basePort == 0 ? record.block : network.basePort,
                number: number % ClusterRecord.Slot.count
            )
            seen = seen.with { $0.enlist(in: slot) }
            seen.members.append(MemberObservation(name: "orders-\(number)", directory: .gone))
        case .addLearner(let name):
            seen = seen.with { $0.update(name) { $0.id = "f\($0.ordinal)" } }
            guard let member = record.member(name), let id = member.id else { return }
            let urls = [member.slot.peerURL]
            seen.memberList?.entries.append(
                .init(id: id, name: name, isLearner: true, peerURLs: urls)
            )
        case .promote(let name):
            let id = record.member(name)?.id
            if let index = seen.members.firstIndex(where: { $0.name == name }) {
                seen.members[index].probe.isLearner = false
            }
            if let index = seen.memberList?.entries.firstIndex(where: { $0.id == id }) {
                seen.memberList?.entries[index].isLearner = false
            }
        case .admit(let name):
            seen = seen.with { $0.update(name) { $0.isVoter = true } }
        case .retire(let name, let departure):
            seen = seen.with { $0.update(name) { $0.departure = departure } }
        case .remove(let id):
            seen.memberList?.entries.removeAll { $0.id == id }
        case .stop(let names):
            for name in names { end(name, .stopped) }
        case .trash(let name):
            seen = seen.with { $0.forget(name) }
            seen.members.removeAll { $0.name == name }
        case .markBootstrapped:
            seen = seen.with { $0.phase = .bootstrapped }
        case .disarm:
            seen.alarms = []
        default: fatalError("not rehearsed: \(step)")
        }
    }

    private mutating func start(_ name: String) {
        let list = seen.memberList
        let rollout = seen.joinsAsRolledOut(record) ? record.rollout : nil
        let spec = rollout?.target.spec ?? record.applied.spec
        seen = seen.with { record in
            let flags = MemberFlags(record: record, spec: spec)
            record.update(name) { member in
                if !member.isVoter, !member.launched || member.launch == nil {
                    let program = rollout?.program ?? "old"
                    member.launch = LaunchRecord(
                        program: program,
                        sha256: program,
                        arguments: flags.arguments(member, joining: list)
                    )
                }
                if let next = member.next {
                    if next == member.lastGood {
                        member.lastGood = nil
                    } else if member.lastGood == nil {
                        member.lastGood = member.launch
                    }
                    (member.launch, member.next) = (next, nil)
                }
                member.launched = true
            }
        }
        guard let member = record.member(name), let launch = member.launch,
            let index = seen.members.firstIndex(where: { $0.name == name })
        else { return }
        if let words = flaw(launch) {
            // It did not get as far as to write anything.
            if seen.members[index].directory == .gone { seen.members[index].directory = .empty }
            return end(name, .configuration(words))
        }
        seen = seen.with { $0.update(name) { $0.hasLog = true } }
        let now = seen.now.monotonic
        let leader = seen.leaderID
        seen.members[index].process = .running(processID: 7, since: now)
        seen.members[index].directory = .intact
        seen.members[index].servingSince = now
        seen.members[index].probe = Orders.serving(record, member)
        seen.members[index].probe.leaderID = leader ?? member.id
        if seen.memberList == nil, seen.serving.count > record.members.count / 2 {
            seen.memberList = Orders.cluster(record).memberList
        }
    }

    private mutating func end(_ name: String, _ cause: ExitCause) {
        guard let index = seen.members.firstIndex(where: { $0.name == name }) else { return }
        let now = seen.now.monotonic
        seen.members[index].process = .none
        seen.members[index].probe = Probe(.exited)
        seen.members[index].servingSince = nil
        seen.members[index].stoppedAt = cause == .stopped ? now : nil
        seen.members[index].exits.record(
            .init(cause: cause, at: now, witnessed: true),
            served: cause == .stopped,
            ranFor: cause == .stopped ? .seconds(100) : .zero
        )
    }
}
