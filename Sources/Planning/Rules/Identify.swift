/// Whose files and processes these are. A member with something foreign is blocked; a cluster in
/// which a quorum answers with a foreign cluster id is.
func identify(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record else { return nil }
    var foreign: [String] = []
    for member in seen.members {
        if case .foreign(let why) = member.directory {
            findings.block(member.name, "ForeignData", "\(member.name): \(why)")
        }
        if case .misplaced(let owner) = member.directory {
            let why = "the directory in \(member.name)'s place is \(owner)'s"
            findings.block(member.name, "ForeignData", why)
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
    for (member, observed) in zip(record.members, seen.members) {
        guard let id = member.id, let answered = observed.probe.memberID, answered != id else {
            continue
        }
        findings.block(
            member.name,
            "ForeignMember",
            "\(member.name) answers as member \(answered), not \(id)"
        )
    }
    compareWithMemberList(record, seen, &findings)
    guard foreign.count > record.members.count / 2 else { return nil }
    return .refuse(
        "ForeignCluster",
        because: "\(foreign.joined(separator: ", ")) answer for another cluster than recorded"
    )
}

/// A member that somebody removed from the cluster must not be started again: its peers would
/// turn it away, and the list is the truth. Whoever else is listed is nobody we know, unless it is
/// one that we are just adding.
private func compareWithMemberList(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) {
    guard let list = seen.memberList, list.clusterID == record.clusterID,
        record.phase == .bootstrapped
    else { return }
    for member in record.members where member.departure == nil {
        guard let id = member.id, list.entry(id) == nil else { continue }
        findings.remove(
            member.name,
            "\(member.name) (\(id)) is not in the cluster's member list: somebody removed it"
        )
    }
    let joining = record.members.filter { $0.id == nil }.map(\.slot.peerURL)
    for entry in list.entries where !record.members.contains(where: { $0.id == entry.id }) {
        if entry.peerURLs.contains(where: joining.contains) { continue }
        findings.note(
            .degraded,
            "UnknownMember",
            "the cluster lists member \(entry.id) \(entry.name), which this operator does not run"
        )
    }
}
