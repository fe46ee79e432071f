import ClusterAPI

/// Leads members out that have been given up or are not wanted any more: off the cluster's list
/// first, then their processes, then their files, then the record.
func depart(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped else { return nil }
    guard let member = record.members.first(where: { $0.departure != nil }),
        let departure = member.departure
    else { return nil }
    guard let list = seen.memberList, let electorate = Electorate(seen), electorate.hasQuorum else {
        findings.note(
            .degraded,
            "DepartureHeld",
            "\(member.name) shall leave (\(departure.why)): that takes a quorum, and none serves"
        )
        return nil
    }
    if let entry = list.entry(member.id) ?? list.unnamed(at: member.slot.peerURL) {
        return remove(entry, member, departure, electorate, record, seen, &findings)
    }
    if seen.member(member.name)?.isRunning == true {
        return .act(
            [.stop(members: [member.name])],
            because: "\(member.name) is no member any more: \(departure.why)",
            .recovering
        )
    }
    // Its block has told why: nothing is moved that nobody knows.
    if let reason = findings.blocked[member.name]?.reason,
        ["ForeignProcess", "DirectoryUnknown", "ForeignData"].contains(reason)
    {
        return nil
    }
    return .act(
        [.trash(member: member.name)],
        because: "\(member.name) has left: \(departure.why)",
        .recovering
    )
}

private func remove(
    _ entry: MemberList.Entry,
    _ member: ClusterRecord.Member,
    _ departure: Departure,
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    if !departure.isFinal, record.staying.count < seen.spec.replicas {
        return .act(
            [.recall(member: member.name)],
            because: "spec.replicas is \(seen.spec.replicas) by now",
            .recovering
        )
    }
    guard electorate.canLose(entry.id) else {
        if !departure.isFinal, let failing = record.failing(seen, findings) {
            // It could not leave before the other is healed, nor the other be replaced before it
            // has left.
            return .act(
                [.recall(member: member.name)],
                because: "\(failing.name) has failed since, and is to leave in its place",
                .recovering
            )
        }
        let what = "\(member.name) shall leave (\(departure.why))"
        findings.note(.degraded, "DepartureHeld", "\(what): those who stay would be no quorum")
        return nil
    }
    if let handover = handOver(from: entry.id, record, seen) {
        return .act(
            [handover],
            because: "\(member.name) leads and shall leave: \(departure.why)",
            .recovering
        )
    }
    return .act([.remove(id: entry.id)], because: departure.why, .recovering)
}

/// The step that takes the office from a leader; nil when it does not lead. It goes to a voter
/// whose disk is fast and that has not lost the office itself, and of those to the one that has
/// applied most.
func handOver(from id: String, _ record: ClusterRecord, _ seen: Observation) -> Step? {
    let serving = seen.serving.filter { !$0.probe.isLearner }
    guard seen.leaderID == id, serving.contains(where: { $0.probe.memberID == id }) else {
        return nil
    }
    let heirs = record.staying.filter { member in
        member.id != id && serving.contains { $0.name == member.name }
    }
    func rank(_ heir: ClusterRecord.Member) -> (Int, Int, UInt64) {
        (
            seen.isSlow(heir.name) ? 0 : 1,
            -seen.leaderLosses.count { $0.member == heir.name },
            seen.member(heir.name)?.probe.appliedIndex ?? 0
        )
    }
    let heir = heirs.max { rank($0) < rank($1) }
    return heir.map { .moveLeader(to: $0.name) }
}

extension ClusterRecord {
    /// A member that was to stay, and does not come back by itself.
    fileprivate func failing(_ seen: Observation, _ findings: Findings) -> Member? {
        staying.first { member in
            findings.losses[member.name] != nil || seen.member(member.name)?.hangs(in: seen) == true
        }
    }
}

extension MemberList {
    /// A learner at this address that has never started, added for a member whose id was not yet
    /// written down.
    func unnamed(at peerURL: String) -> Entry? {
        entry(listeningOn: peerURL).flatMap { $0.name.isEmpty ? $0 : nil }
    }
}
