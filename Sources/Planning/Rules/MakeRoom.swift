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
    let serving = record.members.filter { seen.member($0.name)?.probe.isServing == true }
    // What the members were started with counts, whatever the spec says by now.
    let quota = record.applied.spec.storage.quota
    let limit = Double(quota.bytes) * enough
    if record.rollout == nil, electorate.isWhole, seen.isFarBelow(limit) {
        return .act([.disarm(alarms)], because: "the quota is larger by now", .recovering)
    }
    guard seen.spaceWork.compaction != nil else {
        return .act([.compact], because: "the store is full: its history is dropped", .recovering)
    }
    let left = serving.filter { member in
        !seen.spaceWork.defragmented.contains(member.name)
            && !seen.isInVainToDefragment(member.name, limit)
    }
    if !left.isEmpty, let lack = seen.lacksRoom {
        findings.note(.degraded, "DiskPressure", "the store is full and stays so: \(lack)")
        return nil
    }
    let isSafe = electorate.isWhole || left.allSatisfy { electorate.servesWithout($0.id ?? "") }
    guard left.isEmpty || isSafe else {
        findings.note(
            .degraded,
            "NoSpace",
            "the store is full; no member gives back what it does not use while only "
                + "\(electorate.healthy.count) of \(electorate.voters.count) voters serve"
        )
        return nil
    }
    if !left.isEmpty, seen.isComingBack() { return nil }
    if let plan = defragment(left, electorate, record, seen, "the store is full") { return plan }
    let full = serving.first { member in
        Double(seen.member(member.name)?.probe.dbSize ?? 0) >= limit
    }
    if let full {
        let why = "\(full.name) is full even without history and gaps"
        if seen.hasChangedSinceCompaction {
            return .act([.compact], because: "\(why), but keys were deleted", .recovering)
        }
        findings.note(
            .degraded,
            "NoSpace",
            "\(why): delete keys until it holds less than \(Int(enough * 100))% of \(quota)"
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
/// Between two compactions.
private let pause = Duration.seconds(30)

extension Observation {
    /// A database that uses most of its quota gives back too little to be rewritten for it. Only
    /// the embedded engine tells what it uses by now: bbolt counts pages as free two commits after
    /// a compaction, and a full store commits nothing.
    fileprivate func isInVainToDefragment(_ name: String, _ limit: Double) -> Bool {
        guard case .read(let record) = record,
            record.member(name)?.launch?.isEmbedded ?? record.applied.spec.isEmbedded
        else { return false }
        return Double(member(name)?.probe.dbSizeInUse ?? 0) >= limit
    }

    /// No store that has so much room has raised the alarm for want of it: it was smaller then.
    fileprivate func isFarBelow(_ limit: Double) -> Bool {
        guard case .read(let record) = record else { return false }
        let request = record.applied.spec.settings.maxRequestBytes.bytes
        return serving.allSatisfy { member in
            member.probe.dbSize.map { Double($0 + 2 * request) < limit } ?? false
        }
    }

    /// While the alarm stands only deletions are taken, so a newer revision has freed something.
    fileprivate var hasChangedSinceCompaction: Bool {
        guard let last = spaceWork.compaction, now.monotonic - last.at >= pause,
            let revision = serving.compactMap(\.probe.revision).max()
        else { return false }
        return revision > last.revision
    }
}

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
