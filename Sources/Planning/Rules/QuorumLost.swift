import ClusterAPI

/// The data of a majority is lost for good: no start and no member change can help.
///
/// Only directories that are damaged or gone count as lost (safety rule 5); while one cannot be
/// read, nobody knows.
func quorumLost(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped else { return nil }
    let voters = record.members.filter(\.isVoter)
    let lost = voters.filter { seen.member($0.name)?.hasLostData == true }
    guard voters.count - lost.count < voters.count / 2 + 1 else { return nil }
    let names = lost.map(\.name).joined(separator: ", ")
    let what = "the data of \(lost.count) of \(voters.count) voters is lost (\(names))"
    if let unknown = seen.members.first(where: { $0.directory.isUnknown && !$0.isRunning }) {
        let why = "\(what), and nobody can tell what is in \(unknown.name)'s place"
        findings.note(.degraded, "QuorumUnknown", why)
        return .refuse("QuorumUnknown", because: why)
    }
    guard lost.count < voters.count else {
        let why =
            "\(what), so there is nothing to go on from. An empty cluster in its place would look "
            + "like a healthy one: delete it and declare it again if that is what you want, or "
            + "put the data back"
        findings.note(.degraded, "EverythingLost", why)
        return .refuse("EverythingLost", because: why)
    }
    let why = "\(what), and the others are no quorum. \(wayOut)"
    findings.note(.degraded, "QuorumLost", why)
    return .refuse("QuorumLost", because: why)
}

private let wayOut = "See QuorumLost in Sources/Docs.docc/Runbook.md for what can be saved by hand"

extension MemberObservation {
    /// It does not run, and its data is known to be damaged or gone.
    package var hasLostData: Bool {
        guard !isRunning else { return false }
        return switch directory {
        case .damaged, .gone, .empty: true
        case .intact, .foreign, .unknown: false
        }
    }
}
