import ClusterAPI

/// As many members as `spec.replicas` says, one step at a time. Replaced members come back this way
/// too.
func scale(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped,
        seen.spec.replicas > 0
    else { return nil }
    let staying = record.staying
    let wanted = seen.wanted(record)
    if staying.count == wanted { return nil }
    // What is wanted may have changed since the last one joined or left for it.
    if seen.surges(record), let plan = beginRollOut(record, seen) { return plan }
    guard let electorate = Electorate(seen), electorate.hasQuorum else { return nil }
    let isSurge = staying.count == seen.spec.replicas
    if isSurge, let why = seen.hindranceToSurge(record, findings) {
        findings.note(.underway, "RolloutHeld", "\(record.progressOfRollout); \(why)")
        return nil
    }
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
    let why =
        staying.count < seen.spec.replicas
        ? "spec.replicas is \(seen.spec.replicas) and there are \(staying.count)"
        : "\(record.progressOfRollout), and another joins before one of the others leaves"
    return .act([.enlist], because: why, .recovering)
}

/// Who does not serve goes first, then whoever is not launched as is wanted by now, then whoever
/// does not lead, from the highest ordinal down (safety rule 18).
private func shrink(
    _ staying: [ClusterRecord.Member],
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    guard record.members.count == staying.count else { return nil }
    func rank(_ member: ClusterRecord.Member) -> (Int, Int, Int) {
        let isHealthy = member.id.map { electorate.healthy.contains($0) } ?? false
        let leads = member.id != nil && seen.leaderID == member.id
        let isOld = record.isOutdated(member)
        return (
            !isHealthy || !member.isVoter ? 0 : isOld ? 1 : 2, leads ? 1 : 0, -member.ordinal
        )
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
    if record.isOutdated(member), let plan = compareBeforeLeaving(record, seen) { return plan }
    let why =
        record.isOutdated(member)
        ? "another was launched with generation "
            + "\(record.rollout?.target.metadata.generation ?? 0) for it"
        : "spec.replicas is \(seen.spec.replicas)"
    return .act(
        [.retire(member: member.name, Departure(.scaledDown, why, at: seen.now.wall))],
        because: why,
        .recovering
    )
}

/// Nobody leaves for another before the data of both was seen to be equal.
private func compareBeforeLeaving(_ record: ClusterRecord, _ seen: Observation) -> Plan? {
    let successors = record.staying.filter { !record.isOutdated($0) }
    let since = successors.compactMap { seen.member($0.name)?.servingSince }.max()
    return compare(since: since ?? .zero, record, seen)
}

extension Observation {
    /// How many members there shall be now: as many as the spec says, and one more while members
    /// are changed for others and none is there yet to take the place of an old one.
    func wanted(_ record: ClusterRecord) -> Int {
        guard surges(record) else { return spec.replicas }
        let staying = record.staying
        let isSpareReady = staying.count > spec.replicas && staying.allSatisfy(\.isVoter)
        return isSpareReady ? spec.replicas : spec.replicas + 1
    }
}
