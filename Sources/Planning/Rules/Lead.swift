import ClusterAPI

/// Takes the office from a leader that cannot hold it, or whose disk is slow, and gives it to one
/// that is better off; not again before a while has passed, and nobody is replaced for it (safety
/// rule 17). What is wrong is told by `noteLeadership`.
func lead(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped,
        let electorate = Electorate(seen), electorate.hasQuorum, !seen.isComingBack(),
        let leader = record.members.first(where: { $0.id != nil && $0.id == seen.leaderID }),
        let id = leader.id, case .moveLeader(let heir)? = handOver(from: id, record, seen)
    else { return nil }
    if let moved = seen.leaderMovedAt, seen.now.monotonic - moved < coolDown { return nil }
    if seen.isSlow(leader.name) {
        guard !seen.isSlow(heir) else { return nil }
        return .act(
            [.moveLeader(to: heir)],
            because: "\(leader.name) leads, and its disk is slow",
            .running
        )
    }
    guard seen.isUnstable else { return nil }
    func losses(_ name: String) -> Int { seen.leaderLosses.count { $0.member == name } }
    // Who has lost the office once may have been unlucky.
    guard losses(leader.name) >= 2, losses(leader.name) > losses(heir) else { return nil }
    return .act(
        [.moveLeader(to: heir)],
        because: "\(leader.name) leads, and has lost that \(losses(leader.name)) times within five "
            + "minutes",
        .running
    )
}

/// Tells of leaders that change too often and of disks that are too slow.
func noteLeadership(_ seen: Observation, _ findings: inout Findings) {
    for member in seen.members where seen.isSlow(member.name) {
        findings.note(
            .degraded,
            "SlowDisk",
            "\(member.name): \(member.slowSyncs) times within five minutes its log took more than "
                + "a second to be on disk. It is not replaced for that: look at its disk",
            member: member.name
        )
    }
    if seen.isUnstable {
        findings.note(
            .degraded,
            "LeaderUnstable",
            "leadership has changed at least \(manyLosses) times within five minutes, and no "
                + "leader had ended: the network, the disks or the machine are too slow for "
                + "spec.settings.electionTimeout (\(seen.spec.settings.electionTimeout.text))"
        )
    }
}

private let manyLosses = 3
private let manySlowSyncs = 3
private let coolDown = Duration.seconds(600)

extension Observation {
    fileprivate var isUnstable: Bool { leaderLosses.count >= manyLosses }

    /// Its disk has kept it waiting again and again.
    func isSlow(_ name: String) -> Bool {
        member(name).map { $0.slowSyncs >= manySlowSyncs } ?? false
    }
}

/// A leader lost its office, not by our doing, and without having ended.
package struct LeaderLoss: Hashable, Sendable {
    /// Its name.
    package var member: String
    /// On the monotonic clock.
    package var at: Duration

    package init(member: String, at: Duration) {
        self.member = member
        self.at = at
    }
}
