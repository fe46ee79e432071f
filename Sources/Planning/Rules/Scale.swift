import ClusterAPI

/// As many members as `spec.replicas` says, one step at a time. Replaced members come back this way
/// too.
func scale(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped,
        seen.spec.replicas > 0
    else { return nil }
    let staying = record.staying
    let wanted = seen.spec.replicas
    if staying.count == wanted { return nil }
    guard let electorate = Electorate(seen), electorate.hasQuorum else { return nil }
    return staying.count < wanted
        ? grow(staying, record, seen, &findings)
        : shrink(staying, electorate, record, seen, &findings)
}

private func grow(
    _ staying: [ClusterRecord.Member],
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    // One learner at a time, and nobody comes while somebody goes.
    guard staying.allSatisfy(\.isVoter), record.members.count == staying.count else { return nil }
    if let lack = seen.lacksRoom {
        findings.note(.degraded, "DiskPressure", "no member is added: \(lack)")
        return nil
    }
    return .act(
        [.enlist],
        because: "spec.replicas is \(seen.spec.replicas) and there are \(staying.count)",
        .recovering
    )
}

/// Who does not serve goes first, then whoever does not lead, from the highest ordinal down (safety
/// rule 18).
private func shrink(
    _ staying: [ClusterRecord.Member],
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    guard record.members.count == staying.count else { return nil }
    func rank(_ member: ClusterRecord.Member) -> (Int, Int) {
        let isHealthy = member.id.map { electorate.healthy.contains($0) } ?? false
        let leads = member.id != nil && seen.leaderID == member.id
        return (!isHealthy || !member.isVoter ? 0 : leads ? 2 : 1, -member.ordinal)
    }
    guard let member = staying.min(by: { rank($0) < rank($1) }) else { return nil }
    guard electorate.canLose(member.id ?? "") else {
        findings.note(
            .degraded,
            "ScaleHeld",
            "no member can leave: \(electorate.healthy.count) of \(electorate.voters.count) voters "
                + "serve, and those who stay would be no quorum"
        )
        return nil
    }
    let why = "spec.replicas is \(seen.spec.replicas)"
    return .act(
        [.retire(member: member.name, Departure(.scaledDown, why, at: seen.now.wall))],
        because: why,
        .recovering
    )
}
