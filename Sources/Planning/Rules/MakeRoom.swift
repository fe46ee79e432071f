import ClusterAPI

/// NOSPACE: history is dropped, then each member gives back what that has freed, the leader last;
/// when all are well below their quota the alarm is taken back.
func makeRoom(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped,
        let list = seen.memberList, let electorate = Electorate(seen), electorate.hasQuorum
    else { return nil }
    let stale = seen.alarms.filter { list.entry($0.memberID) == nil && $0.kind == .noSpace }
    if !stale.isEmpty {
        return .act(
            [.disarm(stale)],
            because: "it is the alarm of a member that is no more",
            .recovering
        )
    }
    let alarms = seen.alarms.filter { $0.kind == .noSpace }
    guard !alarms.isEmpty else { return nil }
    guard seen.spaceWork.isCompacted else {
        return .act([.compact], because: "the store is full: its history is dropped", .recovering)
    }
    let serving = record.members.filter { seen.member($0.name)?.probe.isServing == true }
    let left = serving.filter { !seen.spaceWork.defragmented.contains($0.name) }
    if !left.isEmpty, let lack = seen.lacksRoom {
        findings.note(.degraded, "DiskPressure", "the store is full and stays so: \(lack)")
        return nil
    }
    if let plan = defragment(left, electorate, record, seen, "the store is full") { return plan }
    let quota = seen.spec.storage.quota
    let full = serving.first { member in
        let size = seen.member(member.name)?.probe.dbSize ?? 0
        return Double(size) >= Double(quota.bytes) * enough
    }
    if let full {
        findings.note(
            .degraded,
            "NoSpace",
            "\(full.name) is full even without history and gaps: delete keys, or raise "
                + "spec.storage.quota (\(quota))"
        )
        return nil
    }
    return .act(
        [.disarm(alarms)],
        because: "every member has room again",
        .recovering
    )
}

/// The share of the quota below which there is room again.
private let enough = 0.9

/// The next step on the way to have these members defragmented: one at a time, and never one that
/// leads, since it answers nobody meanwhile. Nil when none is left.
func defragment(
    _ left: [ClusterRecord.Member],
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ reason: String
) -> Plan? {
    let followers = left.filter { $0.id != seen.leaderID }
    if let member = followers.first {
        return .act([.defragment(member: member.name)], because: reason, .recovering)
    }
    guard let leader = left.first, let id = leader.id else { return nil }
    if electorate.voters.count > 1, let handover = handOver(from: id, record, seen) {
        return .act([handover], because: "\(reason), and \(leader.name) leads", .recovering)
    }
    return .act([.defragment(member: leader.name)], because: reason, .recovering)
}
