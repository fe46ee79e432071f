/// Whose files and processes these are. A member with something foreign is blocked; a cluster in
/// which a quorum answers with a foreign cluster id is.
func identify(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record else { return nil }
    var foreign: [String] = []
    for member in seen.members {
        if case .foreign(let why) = member.directory {
            findings.block(member.name, "ForeignData", "\(member.name): \(why)")
        }
        if case .unknown(let why) = member.directory, !member.isRunning {
            findings.block(member.name, "DirectoryUnknown", "\(member.name): \(why)")
        }
        if case .foreign(let why) = member.process {
            findings.block(member.name, "ForeignProcess", "\(member.name): \(why)")
        }
        if let clusterID = member.probe.clusterID, clusterID != record.clusterID {
            foreign.append(member.name)
            findings.block(
                member.name,
                "ForeignCluster",
                "\(member.name) answers for cluster \(clusterID), not \(record.clusterID)"
            )
        }
    }
    compareWithMemberList(record, seen, &findings)
    guard foreign.count > record.members.count / 2 else { return nil }
    return .refuse(
        "ForeignCluster",
        because: "\(foreign.joined(separator: ", ")) answer for another cluster than recorded"
    )
}

/// A member that somebody removed from the cluster must not be started again: its peers would
/// turn it away, and the list is the truth. Whoever else is listed is nobody we know.
private func compareWithMemberList(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) {
    guard let list = seen.memberList, list.clusterID == record.clusterID,
        record.phase == .bootstrapped
    else { return }
    for member in record.members where !list.entries.contains(where: { $0.id == member.id }) {
        findings.block(
            member.name,
            "MemberRemoved",
            "\(member.name) (\(member.id)) is not in the cluster's member list: somebody removed it"
        )
    }
    for entry in list.entries where !record.members.contains(where: { $0.id == entry.id }) {
        findings.note(
            .degraded,
            "UnknownMember",
            "the cluster lists member \(entry.id) \(entry.name), which this operator does not run"
        )
    }
}
