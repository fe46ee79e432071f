import NIOCore

/// One timer for all calls of a connection, as most calls end long before their deadlines and a
/// timer for each would cost more than the call. It fires at the earliest deadline it was told; the
/// owner then looks at all calls that are left and adds their deadlines again.
struct DeadlineTimer {
    /// Deadlines this close together are handled at once, which bounds the number of looks.
    private static let grain = TimeAmount.milliseconds(2)

    private var next: NIODeadline?
    /// The timer that runs, put here by the owner.
    var task: Scheduled<Void>?

    /// How long to wait from now, if the timer must be set anew.
    mutating func add(_ deadline: NIODeadline, now: NIODeadline) -> TimeAmount? {
        if let next, next <= deadline { return nil }
        task?.cancel()
        let due = max(deadline, now + Self.grain)
        next = due
        return due - now
    }

    mutating func fired() {
        next = nil
        task = nil
    }

    mutating func cancel() {
        task?.cancel()
        fired()
    }
}
