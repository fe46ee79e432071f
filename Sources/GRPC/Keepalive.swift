package import NIOCore

/// Decides when a silent peer is pinged and when it is given up.
package struct Keepalive {
    /// What to do now, and how long to wait before looking again.
    package enum Verdict: Equatable {
        case again(TimeAmount)
        case ping(TimeAmount)
        case dead
    }

    /// Silence after which the peer is pinged.
    package let time: TimeAmount
    /// How long it may take to answer anything.
    package let timeout: TimeAmount
    private var pingedAt: NIODeadline?

    package init(time: TimeAmount, timeout: TimeAmount) {
        self.time = time
        self.timeout = timeout
    }

    package mutating func check(lastRead: NIODeadline, now: NIODeadline) -> Verdict {
        if let pingedAt, lastRead < pingedAt {
            let due = pingedAt + timeout
            return now >= due ? .dead : .again(due - now)
        }
        pingedAt = nil
        let due = lastRead + time
        guard now >= due else { return .again(due - now) }
        pingedAt = now
        return .ping(timeout)
    }
}
