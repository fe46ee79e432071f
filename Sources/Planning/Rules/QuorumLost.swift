import ClusterAPI

/// The data of a majority is lost for good: no start and no member change can help.
///
/// Only directories that are damaged or gone count as lost (safety rule 5); while one cannot be
/// read, nobody knows.
func quorumLost(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped else { return nil }
    let voters = presumedVoters(record, seen)
    let lost = voters.filter { seen.member($0.name)?.hasLostData == true }
    guard isLost(record, seen) else { return nil }
    let names = lost.map(\.name).joined(separator: ", ")
    let what = "the data of \(lost.count) of \(voters.count) voters is lost (\(names))"
    if let unknown = seen.uncertain {
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
    let policy = seen.spec.healing.quorumLoss.policy
    let why = "\(what), and the others are no quorum"
    findings.note(.degraded, "QuorumLost", why)
    switch policy {
    case .never:
        return .refuse("QuorumLost", because: "\(why); spec.healing.quorumLoss.policy is Never")
    case .manual where record.accepted.metadata.annotations[consent] != record.clusterID:
        return .refuse(
            "QuorumLost",
            because:
                "\(why). To have the cluster built anew from the survivor that knows most, set "
                + "the annotation \(consent) to \"\(record.clusterID)\""
        )
    case .manual, .automatic:
        let lasting = seen.now.monotonic - (seen.quorumLostSince ?? seen.now.monotonic)
        let left = seen.spec.healing.quorumLoss.after - lasting
        guard policy == .manual || left <= .zero else {
            return .wait(
                for: "the lost data to come back, for another \(left.components.seconds) s",
                because: why,
                .recovering,
                recheckAfter: min(left, .seconds(2))
            )
        }
        return .act([.beginRecovery], because: why, .recovering)
    }
}

/// The annotation by which a user agrees to a recovery; its value is the id of the lost cluster, so
/// that it is good for one.
private let consent = "etcd-operator.dev/recover-cluster"

extension MemberObservation {
    /// It does not run, and its data is known to be damaged or gone.
    package var hasLostData: Bool {
        guard !isRunning else { return false }
        return switch directory {
        case .damaged, .gone, .empty: true
        case .intact, .foreign, .unknown, .misplaced, .aside: false
        }
    }
}
