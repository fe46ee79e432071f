import ClusterAPI

/// `down` and `replicas: 0` are wanted states, not accidents: they outrank restarts and health
/// (safety rule 14).
func stopOrHibernate(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record else { return nil }
    let reason: String
    let phase: Plan.Phase
    if record.desired == .down {
        reason = "`down` was asked for; `up` starts the members again"
        phase = .stopped
    } else if seen.spec.replicas == 0 {
        reason = "spec.replicas is 0; the data is kept"
        phase = .hibernated
    } else {
        return nil
    }
    if let stop = nextStop(record, seen) { return .act([stop], because: reason, .stopping) }
    if let held = heldData(seen) { return .refuse("ForeignProcess", because: held, .stopping) }
    return Plan(reason: reason, phase: phase, recheckAfter: .seconds(10))
}

/// Which member's data somebody else uses, so that it is not at rest; nil when none is.
func heldData(_ seen: Observation) -> String? {
    for member in seen.members {
        if case .foreign(let why) = member.process { return "\(member.name): \(why)" }
    }
    return nil
}

/// What to stop next of a cluster that shall not run; nil when nothing runs. The leader goes last:
/// one that ends while it still has followers first tries to hand its office to one of them.
func nextStop(_ record: ClusterRecord, _ seen: Observation) -> Step? {
    let running = seen.members.filter(\.isRunning)
    guard !running.isEmpty else { return nil }
    let leaders = running.compactMap(\.probe.leaderID)
    let leading = record.members.first { $0.id == leaders.first }?.name
    let others = running.map(\.name).filter { $0 != leading }
    return .stop(members: others.isEmpty ? running.map(\.name) : others)
}
