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
    noteLeadership(seen, &findings)
    noteDiskPressure(record, seen, &findings)
    noteScaling(record, seen, &findings)
    noteRollout(record, seen, &findings)
    return nil
}

/// The word for more or fewer members, in notes and conditions.
let scaling = "Scaling"

/// There are not yet as many voters as there shall be.
private func noteScaling(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) {
    let voters = record.staying.count(where: \.isVoter)
    let wanted = seen.spec.replicas
    // Who joins or leaves in a roll-out is told of there.
    guard record.phase == .bootstrapped, wanted > 0, !seen.surges(record),
        voters != wanted || record.members.count != voters
    else { return }
    let leaving = record.members.first { $0.departure != nil }
    let joining = record.staying.first { !$0.isVoter }
    let next = joining?.ordinal ?? record.nextOrdinal
    if let leaving, leaving.departure?.isFinal == true {
        findings.note(.underway, "Replacing", "\(leaving.name) leaves, and another follows it")
    } else if record.isSuccessor(next), voters < wanted {
        let name = joining?.name ?? "another"
        findings.note(.underway, "Replacing", "\(name) takes the place of a member that has left")
    } else {
        let state =
            if let leaving {
                "\(leaving.name) leaves"
            } else if let joining {
                "\(joining.name) joins"
            } else {
                "there \(voters == 1 ? "is" : "are") \(voters)"
            }
        findings.note(.underway, scaling, "spec.replicas is \(wanted), and \(state)")
    }
}
