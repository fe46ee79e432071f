import ClusterAPI

/// Carries a recovery through, once it has begun: nothing else is done for the cluster meanwhile.
func recover(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, let recovery = record.recovery else { return nil }
    // Until the new cluster takes the place of the old, nothing of that is changed.
    if recovery.phase != .retiring, !isLost(record, seen) {
        return .act([.cancelRecovery], because: "a majority has its data after all", .recovering)
    }
    switch recovery.phase {
    case .stopping:
        let running = seen.members.filter(\.isRunning).map(\.name)
        if !running.isEmpty {
            return .act([.stop(members: running)], because: recovery.why, .recovering)
        }
        if let held = heldData(seen) { return .refuse("ForeignProcess", because: held) }
        if let plan = putBack(seen, &findings) { return plan }
        if let unknown = seen.uncertain {
            let why = "nobody can tell what is in \(unknown.name)'s place, and it may know most"
            findings.note(.degraded, "QuorumUnknown", why)
            return .refuse("QuorumUnknown", because: why)
        }
        return .act([.chooseSurvivor], because: recovery.why, .recovering)
    case .salvaging: return .act([.salvage], because: recovery.why, .recovering)
    case .building: return .act([.buildSeed], because: recovery.why, .recovering)
    case .retiring: return .act([.retireOld], because: recovery.why, .recovering)
    }
}

/// The voters that are left with their data are no quorum, and none serves.
package func isLost(_ record: ClusterRecord, _ seen: Observation) -> Bool {
    // The record may be behind: whoever was removed by hand is not missed.
    if Electorate(seen)?.hasQuorum == true { return false }
    let voters = presumedVoters(record, seen)
    let kept = voters.filter { seen.member($0.name)?.hasLostData != true }
    return kept.count < voters.count / 2 + 1
}

/// The voters by the record, and those that must have got a vote since. The record may be behind
/// where it was put together from copies that could not be reached when somebody got its vote. Then
/// those who vote by the record wait for a leader as long as the other is lost.
package func presumedVoters(
    _ record: ClusterRecord,
    _ seen: Observation
) -> [ClusterRecord.Member] {
    let known = record.voters
    let left = known.compactMap { seen.member($0.name) }.filter { !$0.hasLostData }
    let isShort = left.allSatisfy { $0.probe.verdict == .noLeader && $0.hangs(in: seen) }
    guard isShort, !left.isEmpty, record.phase == .bootstrapped else { return known }
    return known
        + record.staying.filter { joiner in
            !joiner.isVoter && joiner.launched && seen.member(joiner.name)?.hasLostData == true
        }
}
