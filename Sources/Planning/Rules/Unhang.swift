import ClusterAPI

/// A member that runs and does not serve is restarted once, while a quorum serves without it
/// (safety rule 16). What a failed restart means is for `replace` to say.
func unhang(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped else { return nil }
    // What was begun is finished: a process that ignores SIGTERM is killed when its time is over.
    if let member = seen.members.first(where: { $0.isStopping && $0.isRunning }) {
        return .act(
            [.restart(member: member.name)],
            because: "\(member.name) was asked to end",
            .recovering
        )
    }
    guard let electorate = Electorate(seen) else { return nil }
    for member in seen.members {
        guard let id = record.member(member.name)?.id, member.hangs(in: seen),
            !member.wasRestartedInVain, findings.blocked[member.name] == nil
        else { continue }
        let why = "\(member.name) has not served for \(seen.seconds(since: member.failingSince))"
        guard electorate.servesWithout(id) else {
            findings.note(
                .degraded,
                "MemberUnhealthy",
                "\(why); it is left alone, since no quorum serves without it",
                member: member.name
            )
            continue
        }
        if let suspicion = seen.fleet.suspicion {
            findings.note(
                .degraded,
                "ObserverSuspect",
                "\(why); it is left alone: \(suspicion)",
                member: member.name
            )
            continue
        }
        return .act(
            [.restart(member: member.name)],
            because: "\(why) (\(member.probe.message))",
            .recovering
        )
    }
    return nil
}

extension MemberObservation {
    /// The least number of failed probes that say something.
    private static let leastFailures = 3

    /// It runs, and has failed its probes for `healing.unhealthyAfter`. One that does not let us in
    /// does not hang.
    func hangs(in seen: Observation) -> Bool {
        guard isRunning, !probe.isServing, probe.verdict != .refusedMe, let failingSince,
            failures >= MemberObservation.leastFailures
        else { return false }
        return seen.now.monotonic - failingSince >= seen.spec.healing.unhealthyAfter
    }
}

extension Observation {
    /// For messages: `90 s`.
    func seconds(since moment: Duration?) -> String {
        "\((now.monotonic - (moment ?? now.monotonic)).components.seconds) s"
    }
}
