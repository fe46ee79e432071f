import ClusterAPI

/// A member that runs and does not serve is restarted while a quorum serves without it (safety rule
/// 16), or when none does anyway. What a failed restart means is for `replace` to say; where that
/// is held up it is restarted again, each time after a longer while.
func unhang(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase != .planned else { return nil }
    // What was begun is finished: a process that ignores SIGTERM is killed when its time is over.
    if let member = seen.members.first(where: { $0.isStopping && $0.isRunning }) {
        return .act(
            [.restart(member: member.name)],
            because: "\(member.name) was asked to end",
            .recovering
        )
    }
    guard let electorate = Electorate(seen) else { return wake(record, seen, findings) }
    for member in seen.members {
        guard let id = record.member(member.name)?.id, member.hangs(in: seen),
            findings.blocked[member.name] == nil, let since = member.failingSince,
            seen.now.monotonic - since >= member.patience(seen.spec.healing)
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
        // One at a time (safety rule 13).
        if seen.isComingBack(exceptFor: member.name) { continue }
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

/// Nobody is seen to serve, so nobody can tell whether a quorum serves without a member. One whose
/// port is within reach and that answers nothing serves nobody, and its restart takes nothing away.
/// Whoever cannot be reached is left alone. It may have a vote that the record does not know of.
private func wake(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: Findings
) -> Plan? {
    guard seen.serving.isEmpty, seen.fleet.suspicion == nil else { return nil }
    let silent = seen.members.first { member in
        guard let since = member.silentSince, member.hangs(in: seen) else { return false }
        return seen.now.monotonic - since >= member.patience(seen.spec.healing)
            && findings.blocked[member.name] == nil
            && record.staying.contains { $0.name == member.name }
            && !seen.isComingBack(exceptFor: member.name)
    }
    guard let silent else { return nil }
    return .act(
        [.restart(member: silent.name)],
        because: "\(silent.name) is within reach and has answered nothing for "
            + seen.seconds(since: silent.silentSince),
        .recovering
    )
}

extension MemberObservation {
    /// The least number of failed probes that say something.
    private static let leastFailures = 3

    /// How long it may fail before it is restarted. One that a restart did not help may take long
    /// to read its data, so it gets twice the time each time.
    fileprivate func patience(_ healing: ClusterSpec.Healing) -> Duration {
        guard wasRestartedInVain else { return healing.unhealthyAfter }
        return healing.replaceAfter * (1 << min(vainRestarts - 1, 8))
    }

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
    /// A voter was asked to end, or was stopped and is not started again yet, or one that runs does
    /// not serve yet or not again: what took it away is not over. One that does not let us in may
    /// serve for all that we know.
    func isComingBack(exceptFor member: String = "") -> Bool {
        guard case .read(let record) = record else { return false }
        return record.voters.contains { voter in
            guard voter.name != member, let seen = self.member(voter.name) else { return false }
            if seen.isStopping { return true }
            guard seen.isRunning else {
                // One that has been away for long does not come back by itself.
                let stopped = seen.stoppedAt ?? now.monotonic - spec.healing.unhealthyAfter
                return now.monotonic - stopped < spec.healing.unhealthyAfter
            }
            return !seen.probe.isServing && seen.probe.verdict != .refusedMe
                && !seen.hangs(in: self)
        }
    }

    /// For messages: `90 s`.
    func seconds(since moment: Duration?) -> String {
        "\((now.monotonic - (moment ?? now.monotonic)).components.seconds) s"
    }
}
