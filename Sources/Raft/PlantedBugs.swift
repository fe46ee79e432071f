/// Mistakes made on purpose, so that tests can show that the simulator finds them. Empty in every
/// real node; the hooks are one test of a stored bit each, off the paths of entries and bytes.
package struct PlantedBugs: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    // Hooks in Raft.

    /// An append is taken although the entry before it has another term here.
    package static let ignoresAppendTerm = PlantedBugs(rawValue: 1 << 0)
    /// A leader commits entries of former terms by counting who has them.
    package static let commitsOldTerms = PlantedBugs(rawValue: 1 << 1)
    /// A learner's acknowledgement counts as a voter's.
    package static let countsLearners = PlantedBugs(rawValue: 1 << 2)
    /// In a joint configuration only the incoming voters are asked.
    package static let ignoresOutgoing = PlantedBugs(rawValue: 1 << 3)

    // Hooks in the simulator's shells, at the ports.

    /// The vote does not get into the log.
    package static let forgetsVote = PlantedBugs(rawValue: 1 << 8)
    /// A write counts as durable before it is synced.
    package static let answersBeforeSync = PlantedBugs(rawValue: 1 << 9)
    /// A leader answers reads without asking whether it still leads.
    package static let readsWithoutQuorum = PlantedBugs(rawValue: 1 << 10)
    /// A member that starts does not know how far it had applied the log.
    package static let appliesTwice = PlantedBugs(rawValue: 1 << 11)
    /// A snapshot does not tell who belongs to the group.
    package static let forgetsConfState = PlantedBugs(rawValue: 1 << 12)

    /// What those who watch are not quick to take is thrown away.
    package static let dropsForSlowWatchers = PlantedBugs(rawValue: 1 << 13)
    /// The last reply of a slice of history is lost when another slice follows.
    package static let losesEndOfSlice = PlantedBugs(rawValue: 1 << 14)
    /// A member that was opened anew begins its watches as they were asked for.
    package static let beginsWatchesAnew = PlantedBugs(rawValue: 1 << 15)
    /// A report of progress is sent before events that were told earlier.
    package static let progressOvertakes = PlantedBugs(rawValue: 1 << 16)
    /// A new leader counts the time before its election as leases' time.
    package static let countsTimeBeforeElection = PlantedBugs(rawValue: 1 << 17)
    /// A member that starts knows the keys of leases, but not the leases.
    package static let forgetsLeases = PlantedBugs(rawValue: 1 << 18)
    /// A follower answers a renewal without asking the leader.
    package static let renewsAsFollower = PlantedBugs(rawValue: 1 << 19)

    /// A member is told again and again that many ticks are late.
    package static let alwaysLate = PlantedBugs(rawValue: 1 << 20)

    /// Every bug with its name.
    package static let all: [(name: String, bug: PlantedBugs)] = [
        ("ignoresAppendTerm", .ignoresAppendTerm),
        ("commitsOldTerms", .commitsOldTerms),
        ("countsLearners", .countsLearners),
        ("ignoresOutgoing", .ignoresOutgoing),
        ("forgetsVote", .forgetsVote),
        ("answersBeforeSync", .answersBeforeSync),
        ("readsWithoutQuorum", .readsWithoutQuorum),
        ("appliesTwice", .appliesTwice),
        ("forgetsConfState", .forgetsConfState),
        ("dropsForSlowWatchers", .dropsForSlowWatchers),
        ("losesEndOfSlice", .losesEndOfSlice),
        ("beginsWatchesAnew", .beginsWatchesAnew),
        ("progressOvertakes", .progressOvertakes),
        ("countsTimeBeforeElection", .countsTimeBeforeElection),
        ("forgetsLeases", .forgetsLeases),
        ("renewsAsFollower", .renewsAsFollower),
        ("alwaysLate", .alwaysLate),
    ]
}
