import ClusterAPI

/// `spec.paused`: observe and report, change nothing.
func pause(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard seen.spec.paused else { return nil }
    return Plan(
        reason: "spec.paused is true",
        blockedBy: "Paused",
        phase: .paused,
        recheckAfter: .seconds(10)
    )
}
