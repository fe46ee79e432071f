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
        guard record.member(member.name)?.hasLog == true,
            member.directory == .gone || member.directory == .empty
        else { continue }
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
    let voters = record.staying.count(where: \.isVoter)
    if record.phase == .bootstrapped, seen.spec.replicas > 0,
        voters != seen.spec.replicas || record.members.count != voters
    {
        findings.note(
            .unmet,
            "Scaling",
            "spec.replicas is \(seen.spec.replicas), and not so many members vote yet"
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
