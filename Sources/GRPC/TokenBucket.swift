package import NIOCore

/// Allows a burst of events, then so many a second.
package struct TokenBucket {
    private let burst: Double
    private let perSecond: Double
    private var tokens: Double
    private var last: NIODeadline

    package init(burst: Int, perSecond: Int, now: NIODeadline) {
        self.burst = Double(burst)
        self.perSecond = Double(perSecond)
        tokens = Double(burst)
        last = now
    }

    /// True if one more event is allowed at this time.
    package mutating func take(at now: NIODeadline) -> Bool {
        tokens = min(burst, tokens + perSecond * Double((now - last).nanoseconds) / 1e9)
        last = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
