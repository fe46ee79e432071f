import ClusterAPI

/// What is done for a cluster that is well: its members give back what they do not use when the
/// schedule says so, and their data is compared now and then.
func maintain(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped,
        let electorate = Electorate(seen), electorate.isWhole, seen.alarms.isEmpty,
        record.members.allSatisfy(\.isVoter)
    else { return nil }
    let due = record.members.filter { seen.defragmentDue.contains($0.name) }
    if !due.isEmpty, let lack = seen.lacksRoom {
        findings.note(.degraded, "DiskPressure", "no database is written anew: \(lack)")
    } else if var plan = defragment(due, electorate, record, seen, "the schedule says so") {
        plan.phase = .running
        return plan
    }
    let interval = seen.spec.maintenance.hashCheck
    guard electorate.voters.count > 1, interval > .zero,
        seen.now.monotonic - seen.comparedAt >= interval
    else { return nil }
    return .act([.compareHashes], because: "the last comparison is long ago", .running)
}

extension ClusterSpec.Defragment {
    /// Whether rewriting this member's database pays.
    package func pays(_ probe: Probe) -> Bool {
        guard let size = probe.dbSize, let used = probe.dbSizeInUse, size > 0 else { return false }
        let free = size - used
        return free > freeSpaceAbove.bytes && Double(free) / Double(size) > ratioAbove
    }
}
