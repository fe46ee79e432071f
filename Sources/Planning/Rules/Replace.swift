import ClusterAPI

/// Gives up members that cannot come back, one at a time: another takes the place, by way of
/// `depart`, `scale` and `learn`.
///
/// Only lost or corrupt data and a hang that a restart did not end lead here (safety rules 15 and
/// 16); everything else that keeps a member from running is put right, by the user if need be.
func replace(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped,
        let electorate = Electorate(seen), electorate.hasQuorum
    else { return nil }
    for member in record.staying {
        guard let observed = seen.member(member.name),
            let departure = departure(of: member, observed, record, seen, findings)
        else { continue }
        if let why = findings.undecided, departure.cause != .removed {
            findings.note(.degraded, "ReplacementHeld", why, member: member.name)
            continue
        }
        if let held = hindrance(member, departure, electorate, record, seen) {
            findings.note(
                .degraded,
                held.reason,
                "\(departure.why); \(held.why)",
                member: member.name
            )
            continue
        }
        return .act(
            [.retire(member: member.name, departure)],
            because: departure.why,
            .recovering
        )
    }
    return nil
}

/// Why a member should be given up; nil: it should not.
private func departure(
    of member: ClusterRecord.Member,
    _ observed: MemberObservation,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: Findings
) -> Departure? {
    if let loss = findings.losses[member.name] {
        return Departure(loss.cause, loss.why, at: seen.now.wall)
    }
    if findings.removed.contains(member.name) {
        let why = "\(member.name) was taken off the member list by somebody else"
        return Departure(.removed, why, at: seen.now.wall, unlistedAt: seen.now.wall)
    }
    guard findings.blocked[member.name] == nil, observed.hangs(in: seen),
        observed.wasRestartedInVain, let since = observed.unservedSince,
        seen.now.monotonic - since >= seen.spec.healing.replaceAfter
    else { return nil }
    let why = "\(member.name) has not served for \(seen.seconds(since: since)), restart or not"
    return Departure(.unhealthy, why, at: seen.now.wall)
}

/// Why a member is not given up now; nil: nothing stands in the way.
private func hindrance(
    _ member: ClusterRecord.Member,
    _ departure: Departure,
    _ electorate: Electorate,
    _ record: ClusterRecord,
    _ seen: Observation
) -> (reason: String, why: String)? {
    if let unknown = seen.uncertain {
        return ("ReplacementHeld", "not while nobody can tell what is in \(unknown.name)'s place")
    }
    if let other = record.members.first(where: { $0.departure != nil }) {
        return ("ReplacementHeld", "\(other.name) leaves first")
    }
    guard let id = member.id, electorate.voters.contains(id) || departure.cause == .removed else {
        // A learner is not missed.
        return seen.tooManyLearners(record).map { ("ReplacementHeld", $0) }
    }
    if departure.cause != .removed, !electorate.canLose(id) {
        return (
            "ReplacementHeld",
            "without it there would be no quorum: \(electorate.healthy.count) of "
                + "\(electorate.voters.count) voters serve"
        )
    }
    // One at a time (safety rule 13). Who has lost its data is not taken away by this.
    if departure.cause == .unhealthy, seen.isComingBack(exceptFor: member.name) {
        return ("ReplacementHeld", "another member is on its way back")
    }
    if let lack = seen.lacksRoom { return ("DiskPressure", "it is not replaced now: \(lack)") }
    if departure.cause == .unhealthy, let suspicion = seen.fleet.suspicion {
        return ("ObserverSuspect", "it is left alone: \(suspicion)")
    }
    if let last = seen.givenUpLately(record).last(where: \.wasVoter) {
        return (
            "ReplacementHeld",
            "\(last.member) was replaced at \(last.at), and a cluster gets one replacement an hour"
        )
    }
    if seen.fleet.replacing >= FleetObservation.mostReplacing {
        return ("ReplacementHeld", "\(seen.fleet.replacing) other clusters are being repaired")
    }
    return nil
}

private let secondsBetweenReplacements: Int64 = 3600
/// Each learner that is given up leaves a copy of the data in the trash.
private let mostLearners = 3

extension Observation {
    /// The members that were given up within the last hour.
    fileprivate func givenUpLately(_ record: ClusterRecord) -> [Departed] {
        record.departed.filter { departed in
            // A clock that was put back shall not forbid anything for long.
            let seconds = now.wall.seconds - departed.at.seconds
            return departed.cause != .scaledDown
                && (0..<secondsBetweenReplacements).contains(seconds)
        }
    }

    /// Why no learner is given up now; nil when one may be.
    func tooManyLearners(_ record: ClusterRecord) -> String? {
        let count = givenUpLately(record).count { !$0.wasVoter }
        guard count >= mostLearners else { return nil }
        return "\(count) that joined were given up within the hour"
    }

    /// A stopped member of whose data nobody can tell whether it is lost: unreadable, or somebody
    /// else's in its place. One is enough to forbid whatever counts on data being lost (safety rule
    /// 5).
    var uncertain: MemberObservation? {
        members.first { member in
            guard !member.isRunning else { return false }
            return switch member.directory {
            case .unknown, .foreign, .misplaced, .aside: true
            case .intact, .empty, .damaged, .gone: false
            }
        }
    }
}
