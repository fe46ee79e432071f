import ClusterAPI

/// A member that runs and does not serve is restarted once, while a quorum serves without it
/// (safety rule 16), or when none does anyway. What a failed restart means is for `replace` to say.
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
    guard let electorate = Electorate(seen) else { return wake(record, seen, &findings) }
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

/// Nobody serves. Who answers and knows no leader bears witness that this is not for us alone, so a
/// member that answers nobody is restarted: it takes nothing away, and may be what they wait for.
/// When none answers at all it may be the observer that fails, and nothing is done.
private func wake(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    let witnesses = seen.members.filter { $0.probe.verdict == .noLeader }
    guard !seen.members.contains(where: \.probe.isServing), let witness = witnesses.first,
        seen.fleet.suspicion == nil
    else { return nil }
    let silent = seen.members.first { member in
        member.probe.verdict == .unreachable && member.hangs(in: seen)
            && !member.wasRestartedInVain && findings.blocked[member.name] == nil
            && record.member(member.name)?.isVoter == true
    }
    guard let silent else { return nil }
    let why =
        "\(silent.name) has not answered for \(seen.seconds(since: silent.failingSince)), and "
        + "\(witness.name) knows no leader"
    return .act([.restart(member: silent.name)], because: why, .recovering)
}

extension MemberObservation {
    /// The least number of failed probes that say something.
    private static let leastFailures = 3

    /// It runs, and has failed its probes for `healing.unhealthyAfter`. One that does not let us in
    /// does not hang. While there was no quorum nobody could serve, so where one has come back the
    /// time counts from then on.
    func hangs(in seen: Observation) -> Bool {
        guard isRunning, !probe.isServing, probe.verdict != .refusedMe, let failingSince,
            failures >= MemberObservation.leastFailures
        else { return false }
        let since = max(failingSince, seen.quorumSince ?? failingSince)
        return seen.now.monotonic - since >= seen.spec.healing.unhealthyAfter
    }
}

extension Observation {
    /// For messages: `90 s`.
    func seconds(since moment: Duration?) -> String {
        "\((now.monotonic - (moment ?? now.monotonic)).components.seconds) s"
    }
}
