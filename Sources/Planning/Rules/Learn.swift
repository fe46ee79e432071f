import ClusterAPI

/// Brings members that join to the point where they vote, or gives them up. There is one at a time:
/// etcd allows one learner.
func learn(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped,
        let list = seen.memberList, let electorate = Electorate(seen), electorate.hasQuorum
    else { return nil }
    if let plan = removeStranger(list, electorate, record, seen) { return plan }
    guard let member = record.staying.first(where: { !$0.isVoter }),
        findings.blocked[member.name] == nil
    else { return nil }
    guard let id = member.id else { return add(member, list, electorate, record, seen, &findings) }
    guard let entry = list.entry(id) else { return nil }
    guard entry.isLearner else {
        return .act([.admit(member: member.name)], because: "\(member.name) votes", .recovering)
    }
    return promote(member, id, electorate, record, seen, &findings)
}

private func add(
    _ member: ClusterRecord.Member,
    _ list: MemberList,
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    guard let entry = list.entry(listeningOn: member.slot.peerURL) else {
        return .act(
            [.addLearner(member: member.name)],
            because: "\(member.name) shall join",
            .recovering
        )
    }
    // The answer to our own request may have been lost (safety rule 6).
    let isOld = record.departed.contains { $0.id == entry.id }
    let directory = seen.member(member.name)?.directory
    let isUnused = directory == .gone || directory == .empty
    if entry.isLearner, entry.name.isEmpty, !isOld, isUnused {
        return .act(
            [.adoptLearner(member: member.name, id: entry.id)],
            because: "the cluster lists it already",
            .recovering
        )
    }
    guard electorate.canLose(entry.id) else {
        findings.note(
            .degraded,
            "AddressTaken",
            "member \(entry.id) \(entry.name) is listed with \(member.name)'s address and cannot "
                + "be removed without losing the quorum"
        )
        return nil
    }
    return .act(
        [.remove(id: entry.id)],
        because: "it is listed with the address of \(member.name) and is no member that we know",
        .recovering
    )
}

private func promote(
    _ member: ClusterRecord.Member,
    _ id: String,
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    guard let observed = seen.member(member.name) else { return nil }
    if let since = observed.stalledSince, !seen.hasCaughtUp(observed),
        seen.now.monotonic - since >= seen.spec.healing.learnerTimeout
    {
        if let plan = haltAtJoiner(record, seen, isLate: true) { return plan }
        let why = "\(member.name) has made no progress for \(seen.seconds(since: since))"
        if let held = seen.tooManyLearners(record) {
            findings.note(.degraded, "ReplacementHeld", "\(why); \(held)", member: member.name)
            return nil
        }
        return .act(
            [.retire(member: member.name, Departure(.fellBehind, why, at: seen.now.wall))],
            because: why,
            .recovering
        )
    }
    guard let since = observed.servingSince, observed.probe.isServing,
        observed.probe.memberID == id
    else {
        return observed.isRunning
            ? .wait(
                for: "\(member.name) to catch up",
                because: "\(member.name) joins",
                .recovering,
                recheckAfter: .milliseconds(200)
            ) : nil
    }
    let trial = seen.spec.healing.trial
    let left = trial - (seen.now.monotonic - since)
    guard left <= .zero else {
        return .wait(
            for: "\(member.name) to have served for \(trial.text)",
            because: "\(member.name) joins, and has not yet proven itself",
            .recovering,
            recheckAfter: min(left, .seconds(2))
        )
    }
    guard electorate.canTake(id) else {
        findings.note(
            .degraded,
            "PromotionHeld",
            "\(member.name) gets no vote while so few of the others serve"
        )
        return nil
    }
    return .act(
        [.promote(member: member.name)],
        because: "\(member.name) has served for \(seen.seconds(since: since))",
        .recovering
    )
}

/// Somebody who was added, never came, and is nobody's.
private func removeStranger(
    _ list: MemberList,
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation
) -> Plan? {
    // What is listed with the address of one that joins is for `add` to judge.
    let joining = record.staying.filter { $0.id == nil }.map(\.slot.peerURL)
    for (id, since) in seen.strangers.sorted(by: { $0.key < $1.key }) {
        guard let entry = list.entry(id), entry.name.isEmpty, electorate.canLose(id),
            !entry.peerURLs.contains(where: joining.contains),
            seen.now.monotonic - since >= seen.spec.healing.replaceAfter
        else { continue }
        return .act(
            [.remove(id: id)],
            because: "it was added \(seen.seconds(since: since)) ago, has never started, and is no "
                + "member that we know",
            .recovering
        )
    }
    return nil
}

extension Observation {
    /// It serves and has all that the others have: there is no progress to be made where nobody
    /// writes.
    fileprivate func hasCaughtUp(_ learner: MemberObservation) -> Bool {
        let others = serving.filter { $0.name != learner.name }.compactMap(\.probe.appliedIndex)
        guard learner.probe.isServing, let own = learner.probe.appliedIndex, let most = others.max()
        else { return false }
        return own >= most
    }
}

extension ClusterSpec.Healing {
    /// How long a learner must serve before it gets a vote: half a minute, less where failures are
    /// looked for sooner (safety rule 17).
    var trial: Duration { min(.seconds(30), unhealthyAfter / 2) }
}
