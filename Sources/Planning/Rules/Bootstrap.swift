import ClusterAPI

/// From nothing to a cluster that has served once (safety rule 11).
func bootstrap(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    switch seen.record {
    case .unusable(let why): return .refuse("RecordUnusable", because: why)
    case .absent: return create(seen, &findings)
    case .read(let record):
        switch record.phase {
        case .bootstrapped: return nil
        case .planned: return begin(record, seen, &findings)
        case .started: return finish(record, seen, &findings)
        }
    }
}

/// A new cluster needs a name that nothing on this machine has ever been written under.
private func create(_ seen: Observation, _ findings: inout Findings) -> Plan {
    if let rebuilt = seen.rebuilt {
        return .act(
            [.adoptRecord(rebuilt)],
            because: "cluster.json is lost and the members' directories agree on what it said",
            .recovering
        )
    }
    guard seen.leftovers.isEmpty else {
        let message =
            "there is no record of a cluster and yet \(seen.leftovers.joined(separator: ", ")): "
            + "an empty cluster in its place could lose data; put cluster.json back (is a disk "
            + "not mounted?), or move those files away if the data is not wanted"
        findings.note(.degraded, "BootstrapRefused", message)
        return .refuse("BootstrapRefused", because: message)
    }
    guard seen.missing == nil else {
        return .refuse(
            "NotDeclared",
            because: "no spec declares the cluster, and it was never created",
            .pending
        )
    }
    guard seen.spec.replicas > 0 else {
        return Plan(
            reason: "spec.replicas is 0 and the cluster was never created",
            phase: .hibernated,
            recheckAfter: .seconds(10)
        )
    }
    return .act(
        [.allocate(members: seen.spec.replicas)],
        because: "the cluster is new",
        .bootstrapping
    )
}

private func begin(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan {
    let isChanged =
        record.members.count != seen.spec.replicas
        || !SpecDifference.all(of: record, to: seen.spec).isEmpty
    if isChanged {
        // Nothing holds on to what was planned.
        return .act(
            [.allocate(members: seen.spec.replicas)],
            because: "the spec changed before anything was started",
            .bootstrapping
        )
    }
    for member in seen.members where member.directory != .empty && member.directory != .gone {
        findings.block(
            member.name,
            "BootstrapRefused",
            "\(member.name): nothing was ever started here, and yet there is data"
        )
    }
    for member in seen.members where member.isRunning {
        findings.block(
            member.name,
            "BootstrapRefused",
            "\(member.name): nothing was ever started here, and yet a process runs"
        )
    }
    if let refusal = findings.refusal() { return refusal }
    return .act(
        [.begin] + record.members.map { .start(member: $0.name, as: .new) },
        because: "the cluster is new",
        .bootstrapping
    )
}

private func finish(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    let logsInPlace = seen.members.allSatisfy { $0.directory == .intact }
    let serving = seen.serving.count
    if logsInPlace, serving > record.members.count / 2, findings.blocked.isEmpty,
        seen.memberList?.clusterID == record.clusterID
    {
        return .act(
            [.markBootstrapped],
            because:
                "\(serving) of \(record.members.count) members serve and every log is in place",
            .bootstrapping
        )
    }
    if var plan = startStopped(record, seen, &findings) ?? repair(seen, &findings) {
        plan.phase = .bootstrapping
        return plan
    }
    if servesWithoutTheLost(record, seen) {
        return .act(
            [.markBootstrapped],
            because: "\(serving) of \(record.members.count) members serve, and the others can only "
                + "be replaced",
            .bootstrapping
        )
    }
    // One that has to wait for its next start keeps nobody else from being helped.
    if findings.blocked.isEmpty, let plan = unhang(seen, &findings) { return plan }
    if var plan = findings.nextStart {
        plan.phase = .bootstrapping
        return plan
    }
    if let refusal = findings.refusal() { return refusal }
    return .wait(
        for: "the members to form a cluster",
        because: "\(serving) of \(record.members.count) members serve",
        .bootstrapping,
        recheckAfter: .milliseconds(200)
    )
}

/// A quorum has confirmed who is in the cluster, and all others were launched and have no data: the
/// machine went down before their first log was on disk. From now on nobody is seeded, so that they
/// are replaced like anybody whose data is lost.
private func servesWithoutTheLost(_ record: ClusterRecord, _ seen: Observation) -> Bool {
    Electorate(seen)?.hasQuorum == true
        && record.members.allSatisfy { member in
            guard let observed = seen.member(member.name) else { return false }
            return observed.directory == .intact || member.launched && observed.hasLostData
        }
}
