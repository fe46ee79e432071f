import ClusterAPI
import Planning
import TestKit
import Testing

/// Random observations, sensible or not, and what must hold for the plan of every one of them.
@Suite struct PropertyTests {
    @Test(arguments: Seed.batch(40)) func `no plan breaks a safety rule`(seed: Seed) {
        var generator = seed.generator()
        for _ in 0..<200 {
            let seen = observation(&generator)
            let plan = plan(seen)
            check(plan, seen)
            hold(plan == Planning.plan(seen))
        }
    }

    /// Else nothing would be said above of those that are not.
    @Test func `there is no step that none of them decides on`() {
        var kinds: Set<String> = []
        for number in 1...40 as ClosedRange<UInt64> {
            var generator = Seed(number).generator()
            for _ in 0..<1000 {
                for step in plan(observation(&generator)).steps {
                    kinds.insert(Mirror(reflecting: step).children.first?.label ?? "\(step)")
                }
            }
        }
        let all = [
            "allocate", "adoptRecord", "start the members for the first time", "start",
            "withdrawLaunch", "publish the endpoints", "stop", "latch",
            "move the cluster's files to the trash", "retire", "recall", "restart", "moveLeader",
            "remove", "trash", "putAside", "putBack", "choose name and ports for another member",
            "addLearner", "adoptLearner", "promote", "admit", "compare the members' data",
            "drop the store's history", "defragment", "disarm",
            "build the cluster anew from its survivor", "leave the cluster as it is",
            "find the survivor that knows most", "save all that the survivor holds",
            "make the first member of the new cluster",
            "put the old members' directories aside",
        ]
        #expect(Set(all).subtracting(kinds).sorted() == [])
        #expect(kinds.subtracting(all).sorted() == [])
    }

    private func check(_ plan: Plan, _ seen: Observation) {
        hold(plan.steps.filter(\.isDisruptive).count <= 1)
        hold(plan.recheckAfter > .zero)
        hold(!plan.reason.isEmpty)
        if seen.spec.paused { hold(plan.steps.isEmpty) }
        for step in plan.steps where seen.underWay != nil {
            // Only what is ordered.
            if case .stop = step { continue }
            hold(!step.isDisruptive || step == .discard)
        }
        guard case .read(let record) = seen.record else {
            for step in plan.steps {
                switch step {
                case .allocate: hold(seen.leftovers.isEmpty && seen.record == .absent)
                case .adoptRecord: hold(seen.record == .absent)
                default: Issue.record("\(step) without a record")
                }
            }
            return
        }
        for step in plan.steps { check(step, plan, record, seen) }
    }

    private func check(_ step: Step, _ plan: Plan, _ record: ClusterRecord, _ seen: Observation) {
        switch step {
        case .start(let name, let state):
            guard let member = record.member(name),
                let observed = seen.members.first(where: { $0.name == name })
            else {
                Issue.record("\(name) is nobody")
                return
            }
            hold(record.desired == .up)
            hold(seen.spec.replicas > 0)
            hold(observed.process == .none)
            switch state {
            case .new:
                hold(observed.directory == .empty || observed.directory == .gone)
                hold(record.phase == .started || plan.steps.first == .begin)
                hold(record.phase == .planned || !member.launched)
            case .existing where !member.isVoter && !member.launched:
                hold(member.id != nil && observed.directory != .damaged(""))
            case .existing:
                hold(observed.directory == .intact)
            }
        case .begin:
            hold(record.phase == .planned)
        case .markBootstrapped:
            hold(record.phase == .started)
            let missing = seen.members.filter { $0.directory != .intact }
            hold(missing.isEmpty || Electorate(seen)?.hasQuorum == true)
            for member in missing {
                hold(member.hasLostData && record.member(member.name)?.launched == true)
            }
        case .withdrawLaunch(let name):
            let observed = seen.members.first { $0.name == name }
            hold(observed?.directory == .empty && observed?.exits.last?.witnessed == true)
        case .stop where record.recovery != nil && record.desired != .deleted:
            hold(record.recovery?.phase == .stopping && isLost(record, seen))
        case .stop(let names) where record.desired == .up && seen.spec.replicas > 0:
            // Only who has left already, or stands in another's place.
            for name in names {
                if case .misplaced = seen.member(name)?.directory { continue }
                hold(seen.memberList?.entry(record.member(name)?.id) == nil)
                hold(record.member(name)?.departure != nil)
            }
        case .stop:
            break
        case .discard:
            hold(record.desired == .deleted)
            hold(seen.members.allSatisfy { $0.process == .none })
        case .latch(let desired):
            hold(desired == .deleted && seen.spec.deletionPolicy == .delete)
        case .allocate(let count):
            hold(record.phase == .planned && record.members.count != count)
            hold(record.members.allSatisfy { !$0.launched })
        case .adoptRecord:
            Issue.record("\(step) over a record")
        case .beginRecovery:
            let voters = record.voters
            let kept = voters.filter { member in
                seen.members.first { $0.name == member.name }?.hasLostData != true
            }
            hold(!kept.isEmpty && kept.count * 2 <= voters.count)
            hold(Electorate(seen)?.hasQuorum != true)
            hold(seen.members.allSatisfy { $0.isRunning || !$0.directory.isUnreadable })
        case .chooseSurvivor, .salvage, .buildSeed, .cancelRecovery:
            hold(record.recovery?.phase != .retiring)
            hold(isLost(record, seen) == (step != .cancelRecovery))
            if step == .chooseSurvivor { hold(seen.members.allSatisfy { $0.process == .none }) }
        case .retireOld:
            hold(record.recovery?.phase == .retiring)
        case .restart(let name) where Electorate(seen) == nil && !hasBegun(name, seen):
            // It serves nobody: the way to it is open. And nobody else is away for that.
            hold(seen.serving.isEmpty && seen.fleet.suspicion == nil)
            hold(seen.member(name)?.silentSince != nil)
            hold(seen.members.allSatisfy { !$0.wasRestartedInVain || $0.isRunning })
        case .restart(let name) where hasBegun(name, seen):
            break
        case .putAside(_, let place), .putBack(_, let place):
            hold(record.phase == .bootstrapped && record.desired == .up)
            hold(seen.member(place).map { $0.process == .none } ?? place.hasPrefix("."))
        case .compareHashes:
            // Looking does no harm.
            hold(record.phase == .bootstrapped)
        default:
            // One that hangs may keep a cluster from ever serving.
            let mayBeNew = if case .restart = step { true } else { false }
            hold(record.phase == .bootstrapped || mayBeNew && record.phase == .started)
            hold(record.desired == .up)
            checkMembership(step, record, seen)
        }
    }

    /// Steps that change a running cluster need a quorum, and leave one.
    private func checkMembership(_ step: Step, _ record: ClusterRecord, _ seen: Observation) {
        let serving = Set(seen.serving.compactMap(\.probe.memberID))
        let list = seen.memberList?.entries ?? []
        let voters = Set(list.filter { !$0.isLearner }.map(\.id))
        let healthy = serving.intersection(voters)
        if healthy.count * 2 <= voters.count { Issue.record("\(step) without a quorum") }
        switch step {
        case .remove(let id) where voters.contains(id):
            hold(healthy.subtracting([id]).count * 2 > voters.count - 1)
        case .restart(let name):
            let id = record.member(name)?.id ?? ""
            hold(healthy.subtracting([id]).count * 2 > voters.count)
        case .promote(let name):
            let id = record.member(name)?.id ?? ""
            hold(list.contains { $0.id == id && $0.isLearner } && serving.contains(id))
        case .trash(let name):
            hold(seen.members.first { $0.name == name }?.process == ProcessState.none)
            hold(!list.contains { $0.id == record.member(name)?.id })
            hold(record.member(name)?.departure != nil)
        case .retire(_, let departure) where departure.isFinal:
            // A learner is given up without another copy being made.
            if departure.cause != .fellBehind, departure.cause != .removed {
                hold(seen.space?.isShort != true || !isVoter(step, record))
            }
            hold(seen.members.allSatisfy { $0.isRunning || !$0.directory.isUnreadable })
        case .moveLeader(let name):
            hold(seen.member(name)?.probe.isServing == true)
            hold(record.member(name)?.id != seen.leaderID)
        case .defragment:
            hold(seen.space?.isShort != true)
        case .enlist:
            hold(seen.space?.isShort != true)
            hold(record.members.count < seen.spec.replicas)
        default: break
        }
    }

    /// It was asked to end before.
    private func hasBegun(_ name: String, _ seen: Observation) -> Bool {
        seen.member(name)?.isStopping == true
    }

    private func isVoter(_ step: Step, _ record: ClusterRecord) -> Bool {
        guard case .retire(let name, _) = step else { return false }
        return record.member(name)?.isVoter == true
    }

    /// `#expect` for a condition that is checked very often.
    private func hold(_ condition: Bool, line: Int = #line) {
        if !condition { Issue.record("the rule of line \(line) does not hold") }
    }

    private func observation(_ generator: inout Generator) -> Observation {
        var record = Orders.record(generator.pick(ClusterRecord.Phase.allCases))
        record.desired = generator.pick([.up, .up, .up, .down, .deleted])
        for index in record.members.indices {
            record.members[index].launched =
                record.phase == .planned ? false : generator.chance(0.8)
        }
        if record.phase == .bootstrapped, generator.chance(0.4) {
            record.enlist(in: Orders.slot(3, block: 3_994))
            record.update("orders-3") { member in
                member.id = generator.pick([nil, "f3", "f3"])
                member.launched = member.id != nil && generator.chance(0.8)
            }
        }
        for index in record.members.indices where record.phase == .bootstrapped {
            guard generator.chance(0.1) else { continue }
            record.members[index].departure = Departure(
                generator.pick([.scaledDown, .dataLost, .unhealthy]),
                "why",
                at: Orders.now.wall,
                unlistedAt: generator.pick([nil, nil, Orders.now.wall])
            )
        }
        if record.phase == .bootstrapped, generator.chance(0.15) {
            recover(&record, &generator)
        }
        var seen = Orders.cluster(record, running: generator.chance(0.7))
        if generator.chance(0.2) {
            seen.alarms = [Alarm(generator.pick([.noSpace, .corrupt]), memberID: "f3")]
        }
        for (index, member) in record.members.enumerated() where generator.chance(0.7) {
            if record.phase != .planned, member.launched || member.isVoter { continue }
            seen.members[index].directory = .gone
            seen.members[index].process = .none
        }
        for index in seen.members.indices where generator.chance(0.6) {
            seen.members[index] = member(seen.members[index], &generator)
        }
        seen.spec.replicas = generator.pick([0, 1, 2, 3, 3, 3, 5])
        seen.spec.paused = generator.chance(0.05)
        seen.spec.deletionPolicy = generator.pick([.retain, .delete])
        if generator.chance(0.3) {
            seen.missing = SpecMissing(
                lasting: .seconds(generator.below(1200)),
                sourceReadable: generator.chance(0.8),
                vanishedTogether: generator.below(3)
            )
        }
        if generator.chance(0.5) { seen.quorumLostSince = .zero }
        if generator.chance(0.5) {
            seen.space = DiskSpace(free: generator.pick([0, 255 << 20, 256 << 20, .max]))
        }
        for _ in 0..<generator.below(5) {
            let name = "orders-\(generator.below(3))"
            seen.leaderLosses.append(LeaderLoss(member: name, at: .seconds(990)))
        }
        if generator.chance(0.1) { seen.defragmentDue = ["orders-1"] }
        remember(&seen, &generator)
        // Promoted, or added, and the answer was lost.
        if generator.chance(0.3), let index = seen.memberList?.entries.indices.last {
            seen.memberList?.entries[index].isLearner = false
        }
        if case .read(let record) = seen.record, generator.chance(0.2),
            let joining = record.members.first(where: { $0.id == nil })
        {
            let url = joining.slot.peerURL
            seen.memberList?.entries.append(
                .init(id: "f7", name: "", isLearner: true, peerURLs: [url])
            )
        }
        if generator.chance(0.2) { seen.memberList = nil }
        if generator.chance(0.1) { seen.memberList?.entries.removeLast() }
        if generator.chance(0.3) { seen.leftovers = ["trash exists"] }
        if generator.chance(0.05) { seen.processesUnknown = "no /proc" }
        if generator.chance(0.15) {
            seen.record = generator.chance(0.7) ? .absent : .unusable("damaged")
            seen.members = []
            if generator.chance(0.3) { seen.rebuilt = record }
        }
        return seen
    }

    private func recover(_ record: inout ClusterRecord, _ generator: inout Generator) {
        var recovery = Recovery(why: "it is lost", at: Orders.now.wall)
        recovery.phase = generator.pick([.stopping, .salvaging, .building, .retiring])
        if recovery.phase != .stopping {
            recovery.source = .init(
                survivor: "orders-0",
                lastTerm: 2,
                lastIndex: 7,
                undecided: 0,
                token: "x"
            )
        }
        record.recovery = recovery
    }

    /// What only passes before this one can have told.
    private func remember(_ seen: inout Observation, _ generator: inout Generator) {
        if generator.chance(0.05) { seen.underWay = .defragment(member: "orders-1") }
        if generator.chance(0.1) { seen.fleet.suspicion = "9 of 12 members ceased to answer" }
        seen.fleet.replacing = generator.pick([0, 0, 1, 2])
        if generator.chance(0.3) { seen.comparedAt = .zero }
        if generator.chance(0.3) {
            seen.spaceWork.compaction = .init(revision: generator.pick([4, 5]), at: .zero)
            seen.spaceWork.defragmented = generator.pick([
                [], ["orders-0", "orders-1", "orders-2"],
            ])
        }
        if generator.chance(0.1) {
            seen.strangers = ["f9": .zero]
            seen.memberList?.entries.append(
                .init(id: "f9", name: "", isLearner: true, peerURLs: ["http://127.0.0.1:5001"])
            )
        }
        guard generator.chance(0.3) else { return }
        let hashes: [UInt32] = generator.pick([[7, 7, 7], [7, 8, 7], [7, 8, 9]])
        for age in [5, 1] {
            let answers = hashes.enumerated().map { index, hash in
                ("orders-\(index)", HashComparison.Answer(hash: hash, compactRevision: 1))
            }
            seen.comparisons.append(
                HashComparison(
                    at: seen.now.monotonic - .seconds(age),
                    revision: 5,
                    answers: Dictionary(uniqueKeysWithValues: answers)
                )
            )
        }
    }

    private func member(
        _ member: MemberObservation,
        _ generator: inout Generator
    ) -> MemberObservation {
        var changed = member
        changed.directory = generator.pick([
            .intact, .empty, .gone, .damaged("x"), .foreign("x"), .unknown("x"), .aside,
            .misplaced(owner: generator.pick(["orders-0", "orders-1", "orders-2"])),
        ])
        changed.process = generator.pick([
            .none, .none, .running(processID: 5, since: .seconds(generator.below(1000))),
            .foreign("x"),
        ])
        changed.probe.verdict = generator.pick(Probe.Verdict.allCases)
        if generator.chance(0.1) { changed.probe.clusterID = "bad" }
        if generator.chance(0.1) { changed.probe.dbSize = 9 << 30 }
        if !changed.probe.isServing {
            changed.failures = generator.pick([2, 3, 9])
            changed.failingSince = .seconds(generator.pick([100, 941, 990]))
            changed.unservedSince = .seconds(generator.pick([100, 701, 941]))
            if generator.chance(0.5) { changed.silentSince = changed.failingSince }
            changed.servingSince = nil
            changed.vainRestarts = generator.chance(0.4) ? 1 : 0
        }
        changed.isStopping = generator.chance(0.05)
        if generator.chance(0.2) { changed.stalledSince = .zero }
        if generator.chance(0.2) { changed.slowSyncs = generator.below(6) }
        for _ in 0..<generator.below(4) {
            let exit = ExitHistory.Exit(
                cause: generator.pick([.signal(9), .corruption("crc"), .unseen, .portInUse("x")]),
                at: .seconds(generator.below(1000)),
                witnessed: generator.chance(0.5)
            )
            changed.exits.record(
                exit,
                served: generator.chance(0.5),
                ranFor: .seconds(generator.below(4))
            )
        }
        return changed
    }
}

extension DirectoryState {
    fileprivate var isUnreadable: Bool {
        if case .unknown = self { true } else { false }
    }
}
