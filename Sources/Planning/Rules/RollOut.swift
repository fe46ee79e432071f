import ClusterAPI

/// Brings a changed spec to the members, one at a time and the leader last; each must serve, and
/// hold what the others hold, before the next is touched (safety rules 13, 15 and 18).
func rollOut(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped else { return nil }
    if let plan = beginRollOut(record, seen) { return plan }
    guard let rollout = record.rollout, rollout.halted == nil else { return nil }
    if let plan = prove(record, seen, findings) { return plan }
    let outdated = record.staying.filter(record.isOutdated)
    if outdated.isEmpty {
        guard record.members.allSatisfy({ $0.next == nil && $0.lastGood == nil }) else {
            return nil
        }
        return .act(
            [.finishRollout],
            because: "all \(counted(record.members.count, "member")) are launched with it",
            .rollingOut
        )
    }
    // `scale` brings another for each.
    if seen.surges(record) { return nil }
    if let why = seen.hindranceToRollOut(record, findings) {
        findings.note(.underway, "RolloutHeld", "\(record.progressOfRollout); \(why)")
        return nil
    }
    return relaunchNext(of: outdated, record, seen)
}

/// What is wrong for want of another launch: a member that its command line keeps down, a store
/// that is full and shall be larger.
func repair(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase != .planned else { return nil }
    let keptDown = record.members.filter { seen.isKeptDown($0, in: record) }
    if !keptDown.isEmpty {
        if let plan = beginRollOut(record, seen) { return plan }
        guard record.rollout?.halted == nil,
            let member = keptDown.first(where: { seen.mayBeCorrected($0, in: record) })
        else { return nil }
        let exit = seen.member(member.name)?.exits.last.map { "\($0.cause)" } ?? ""
        return .act(
            [.correctLaunch(member: member.name)],
            because: "\(member.name) \(exit), and the spec was changed since",
            .recovering
        )
    }
    let isFull = seen.alarms.contains { $0.kind == .noSpace }
    guard isFull, record.raisesQuota(to: seen.spec) else { return nil }
    return rollOut(seen, &findings)
}

/// A spec that differs from what is rolled out, or was, is rolled out from now on.
func beginRollOut(_ record: ClusterRecord, _ seen: Observation) -> Plan? {
    if record.hasHalted(for: seen.spec) { return nil }
    let target = record.target(for: seen.spec)
    let present = record.rollout?.target.spec ?? record.applied.spec
    let differences = SpecDifference.all(from: present, of: record, to: target.spec)
    guard !differences.isEmpty else { return nil }
    return .act(
        [.beginRollout(target)],
        because: differences.map(\.description).joined(separator: ", "),
        .rollingOut
    )
}

/// What was begun with a member is brought to its end before anything else is.
private func prove(_ record: ClusterRecord, _ seen: Observation, _ findings: Findings) -> Plan? {
    if let member = record.members.first(where: { $0.next != nil }),
        let observed = seen.member(member.name), observed.isRunning
    {
        // The operator ended in between, or the member takes its time.
        let isSafe = seen.isSpared(member) && seen.hindranceToRollOut(record, findings) == nil
        guard observed.isStopping || isSafe else { return nil }
        return .act(
            [.relaunch(member: member.name)],
            because: "its new launch is written down",
            .rollingOut
        )
    }
    guard let member = record.members.first(where: { $0.lastGood != nil }),
        let observed = seen.member(member.name), observed.isRunning
    else { return nil }
    guard observed.probe.isServing, let since = observed.servingSince else {
        return .wait(
            for: "\(member.name) to serve as it is launched now",
            because: record.progressOfRollout,
            .rollingOut,
            recheckAfter: .milliseconds(200)
        )
    }
    let left = seen.spec.healing.probation - (seen.now.monotonic - since)
    guard left <= .zero else {
        return .wait(
            for: "\(member.name) to have served for \(seen.spec.healing.probation.text)",
            because: record.progressOfRollout,
            .rollingOut,
            recheckAfter: min(left, .seconds(2))
        )
    }
    if let plan = compare(since: since, record, seen) { return plan }
    return .act(
        [.accept(member: member.name)],
        because:
            "\(member.name) has served for \(seen.seconds(since: since)), and its data is what "
            + "the others hold",
        .rollingOut
    )
}

/// The members' data is compared after this moment; nil when it was, and is equal. `corrupt` judges
/// what differs.
func compare(since: Duration, _ record: ClusterRecord, _ seen: Observation) -> Plan? {
    // Who is off the list, by whomever, has nothing to say.
    let listed = Electorate(seen)?.voters ?? []
    let voters = record.voters.filter { listed.contains($0.id ?? "") }.map(\.name)
    guard voters.count > 1 else { return nil }
    if let last = seen.comparisons.last, last.at > since {
        if last.verdict(voters: voters) == .agreed { return nil }
        let left = betweenComparisons - (seen.now.monotonic - last.at)
        if left > .zero {
            return .wait(
                for: "another comparison of the members' data",
                because: "the last says: \(last.verdict(voters: voters))",
                .rollingOut,
                recheckAfter: left
            )
        }
    }
    return .act([.compareHashes], because: record.progressOfRollout, .rollingOut)
}

/// Followers first. A leader hands its office over before it is stopped.
private func relaunchNext(
    of outdated: [ClusterRecord.Member],
    _ record: ClusterRecord,
    _ seen: Observation
) -> Plan? {
    let followers = outdated.filter { $0.id != seen.leaderID }
    if let member = followers.last(where: seen.isSpared) {
        return .act(
            [.relaunch(member: member.name)],
            because: record.progressOfRollout,
            .rollingOut
        )
    }
    guard let leader = outdated.first, let id = leader.id,
        let handover = handOver(from: id, record, seen)
    else { return nil }
    return .act(
        [handover],
        because: "\(leader.name) leads, and is the last to be launched anew",
        .rollingOut
    )
}

/// The word for a roll-out that goes on, in notes and conditions.
let rollingOut = "RollingOut"

/// Tells how far a roll-out is.
func noteRollout(_ record: ClusterRecord, _ seen: Observation, _ findings: inout Findings) {
    if let halted = record.rollout?.halted, record.hasHalted(for: seen.spec) {
        findings.note(
            .unmet,
            "RolloutHalted",
            "\(record.progressOfRollout), and no other gets it before the spec is changed: "
                + halted
        )
    } else if record.rollout != nil {
        findings.note(.underway, rollingOut, record.progressOfRollout)
    }
}

/// Between two comparisons of the members' data, where the first said nothing.
private let betweenComparisons = Duration.seconds(1)

extension ClusterRecord {
    /// `2 of 3 members are launched with generation 4`
    var progressOfRollout: String {
        guard let rollout else { return "nothing is rolled out" }
        let done = members.count { !isOutdated($0) && $0.next == nil }
        return
            "\(done) of \(counted(members.count, "member")) \(done == 1 ? "is" : "are") launched "
            + "with generation \(rollout.target.metadata.generation)"
    }

    /// The roll-out of this very spec has halted, whatever it was on its way to.
    fileprivate func hasHalted(for spec: ClusterSpec) -> Bool {
        guard let rollout, rollout.halted != nil else { return false }
        return SpecDifference.all(from: rollout.goal.spec, of: self, to: spec).isEmpty
    }

    fileprivate func raisesQuota(to spec: ClusterSpec) -> Bool {
        let quotas = members.compactMap { $0.launch?.value(of: "quota-backend-bytes") }
        return quotas.contains { Int64($0).map { $0 < spec.storage.quota.bytes } ?? false }
    }
}

extension Observation {
    /// Members cannot be changed where they are: there are so few that one is missed, they shall
    /// listen elsewhere, or what they store is of the other engine. Another joins for each instead.
    package func surges(_ record: ClusterRecord) -> Bool {
        guard let rollout = record.rollout, rollout.halted == nil else { return false }
        let outdated = record.staying.filter(record.isOutdated)
        if outdated.isEmpty { return false }
        if spec.replicas < 3 || outdated.contains(where: record.isMisplaced) { return true }
        let isEmbedded = rollout.target.spec.isEmbedded
        return outdated.contains { $0.launch.map { $0.isEmbedded != isEmbedded } ?? false }
    }

    /// Whoever joins gets what is rolled out: it joins for that, or one that has it does well.
    package func joinsAsRolledOut(_ record: ClusterRecord) -> Bool {
        guard let rollout = record.rollout, rollout.halted == nil else { return false }
        let proven = record.staying.contains { member in
            member.isVoter && member.launch != nil && member.lastGood == nil && member.next == nil
                && !record.isOutdated(member) && self.member(member.name)?.probe.isServing == true
        }
        return proven || surges(record)
    }

    /// Why no member is taken away for a roll-out now; nil when one may be (safety rule 18).
    func hindranceToRollOut(_ record: ClusterRecord, _ findings: Findings) -> String? {
        guard let list = memberList, let electorate = Electorate(self) else {
            return "the next waits for a quorum to say who its members are"
        }
        if let blocked = findings.blocked.keys.sorted().first {
            return "the next waits until \(blocked) is well"
        }
        guard electorate.isWhole else {
            return "the next waits until all voters serve: \(electorate.healthy.count) of "
                + "\(electorate.voters.count) do"
        }
        guard list.entries.allSatisfy({ !$0.isLearner }), record.members.allSatisfy(\.isVoter),
            record.staying.count == record.members.count
        else { return "the next waits until nobody joins or leaves" }
        if leaderID == nil { return "the next waits for a leader" }
        if isComingBack() { return "the next waits for the one before" }
        let others = alarms.filter { $0.kind != .noSpace || !record.raisesQuota(to: spec) }
        if let alarm = others.first { return "the next waits while \(alarm.kind.rawValue) stands" }
        if let suspicion = fleet.suspicion { return "the next waits: \(suspicion)" }
        return nil
    }

    /// Why no other joins in the place of one that is changed; nil when one may.
    func hindranceToSurge(
        _ record: ClusterRecord,
        _ findings: Findings
    ) -> String? {
        surges(record) ? hindranceToRollOut(record, findings) : nil
    }

    /// The others serve while it does not.
    fileprivate func isSpared(_ member: ClusterRecord.Member) -> Bool {
        member.id.map { Electorate(self)?.servesWithout($0) ?? false } ?? false
    }

    /// It can be started as is wanted by now. What it has stored only its own engine reads.
    fileprivate func mayBeCorrected(
        _ member: ClusterRecord.Member,
        in record: ClusterRecord
    ) -> Bool {
        guard let rollout = record.rollout, record.isLaunchedOtherwise(member) else {
            return false
        }
        let directory = self.member(member.name)?.directory
        let hasData = member.hasLog || directory != .empty && directory != .gone
        return !hasData || member.launch?.isEmbedded == rollout.target.spec.isEmbedded
    }

    /// Its command line does not let it run, as far as its exits tell.
    fileprivate func isKeptDown(_ member: ClusterRecord.Member, in record: ClusterRecord) -> Bool {
        guard member.departure == nil, member.next == nil, member.lastGood == nil,
            member.launch != nil, let observed = self.member(member.name), !observed.isRunning,
            let cause = observed.exits.last?.cause, observed.exits.streak > 1
        else { return false }
        return switch cause {
        case .configuration, .binaryMissing, .failed: true
        default: false
        }
    }
}

extension ClusterSpec.Healing {
    /// How long a member must serve with a new launch before the next gets it: ten seconds, less
    /// where failures are looked for sooner.
    var probation: Duration { min(.seconds(10), unhealthyAfter / 2) }
}
