import ClusterAPI

/// What the user should know and what no rule below changes: an unmet spec, a lost file.
func note(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    if let rejected = seen.rejected {
        findings.note(
            .unmet,
            "SpecRejected",
            "the last accepted spec stays in force: \(rejected)"
        )
    }
    guard case .read(let record) = seen.record else { return nil }
    for member in seen.members where member.isRunning {
        guard member.directory.hasVanished(in: record) else { continue }
        findings.note(
            .degraded,
            "DataVanished",
            "\(member.name) runs and its files are gone: stop whatever deletes them; it will not "
                + "be started again as it is",
            member: member.name
        )
    }
    // A plan that nothing follows yet is made anew.
    if record.phase == .planned { return nil }
    if seen.spec.replicas != 0, seen.spec.replicas != record.members.count {
        findings.note(
            .unmet,
            "ScaleNotSupported",
            "spec.replicas is \(seen.spec.replicas) and the cluster has "
                + "\(counted(record.members.count, "member")): this version does not add or "
                + "remove members; set it back to \(record.members.count)"
        )
    }
    let fields = SpecField.differences(from: record, to: seen.spec)
    if !fields.isEmpty {
        findings.note(
            .unmet,
            "SpecNotApplied",
            fields.map { "\($0.path) stays \($0.applied), not \($0.wanted)" }
                .joined(separator: "; ")
                + ": this version does not change the settings of running members"
        )
    }
    return nil
}

extension DirectoryState {
    /// The files of a member that has run are not there any more.
    fileprivate func hasVanished(in record: ClusterRecord) -> Bool {
        switch self {
        case .gone: true
        case .empty: record.phase == .bootstrapped
        case .intact, .damaged, .foreign, .unknown: false
        }
    }
}
