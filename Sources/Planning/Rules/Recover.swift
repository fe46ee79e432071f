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
    let kept = record.voters.filter { seen.member($0.name)?.hasLostData != true }
    return kept.count < record.voters.count / 2 + 1
}
