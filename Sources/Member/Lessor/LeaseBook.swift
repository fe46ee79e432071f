import Keyspace
import Raft

/// What a member has to remember about leases besides their deadlines: its right to decide, and
/// who waits.
struct LeaseBook {
    /// Whether this member may trust that it still leads.
    enum Trust {
        case full
        /// It stood still so long that others may have elected a leader, who may have renewed any
        /// lease meanwhile: until a quorum has confirmed it, it decides nothing.
        case doubt
        /// The quorum is being asked.
        case asking
    }

    var lessor: Lessor
    var trust = Trust.full
    /// The term in which the lessor was promoted.
    var promotedIn: Term?
    /// Those that wait for the quorum; true: this member leads.
    var awaitingTrust: [(Bool) -> Void] = []
    /// Those that wait for the end of a lease whose time is over.
    var awaitingEnd: [LeaseID: [(Member.Renewal) -> Void]] = [:]
    /// Revocations proposed and not answered.
    var revokesUnderWay = 0
    var appliedWaiters = AppliedWaiters()

    /// The most of them at a time.
    static let maxRevokesUnderWay = 1_000

    init(_ rules: Lessor.Rules) {
        lessor = Lessor(rules)
    }

    /// All that waits for a decision of this member.
    mutating func takeAwaitingEnd() -> [(Member.Renewal) -> Void] {
        defer { awaitingEnd = [:] }
        return awaitingEnd.keys.sorted().flatMap { awaitingEnd[$0] ?? [] }
    }
}
