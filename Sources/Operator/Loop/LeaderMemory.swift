package import Planning

/// Who has led lately, as far as the probes tell: a change between two looks and back is seen by
/// its term.
package struct LeaderMemory {
    private struct Reign {
        let id: String
        let term: UInt64?
        /// When it was seen last.
        let at: Duration
    }

    private var last: Reign?
    private var losses: [LeaderLoss] = []
    private var movedAt: Duration?

    /// For so long a change counts.
    private static let window = Duration.seconds(300)

    package init() {}

    package mutating func take(_ seen: Observation, _ record: ClusterRecord) {
        let now = seen.now.monotonic
        losses.removeAll { now - $0.at > LeaderMemory.window }
        guard let id = seen.leaderID else { return }
        let reign = Reign(id: id, term: seen.serving.compactMap(\.probe.term).max(), at: now)
        defer { last = reign }
        guard let last, last.id != id || isLater(reign.term, last.term),
            let former = record.members.first(where: { $0.id == last.id }),
            // A leader that has ended since, restarted or not, explains the change.
            case .running(_, let since)? = seen.member(former.name)?.process, since <= last.at
        else { return }
        losses.append(LeaderLoss(member: former.name, at: now))
    }

    private func isLater(_ term: UInt64?, _ before: UInt64?) -> Bool {
        guard let term, let before else { return false }
        return term > before
    }

    /// The operator itself moves the leadership: the next leader is no surprise.
    package mutating func move(at now: Duration) {
        movedAt = now
        last = nil
    }

    /// Nobody watched for a while.
    package mutating func startAnew() {
        last = nil
        losses = []
    }

    package func tell(_ seen: inout Observation) {
        seen.leaderLosses = losses
        seen.leaderMovedAt = movedAt
    }
}
