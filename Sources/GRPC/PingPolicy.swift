package import NIOCore

/// Which pings of a client are too many, as gRPC's Go server judges: a ping sooner than `minTime`
/// after the one before is a strike, unless something was sent to the client in between; without
/// any call open the least time is two hours. The third strike is one too many.
package struct PingPolicy {
    private static let maxStrikes = 2
    private static let idleTime = TimeAmount.hours(2)

    private let minTime: TimeAmount
    private let permitWithoutStream: Bool
    private var last: NIODeadline?
    private var strikes = 0
    private var hasProgressed = false

    package init(_ keepalive: GRPCKeepalive) {
        minTime = keepalive.minTime
        permitWithoutStream = keepalive.permitWithoutStream
    }

    /// Headers or data were sent: the client may ping at once.
    package mutating func noteProgress() { hasProgressed = true }

    /// False if this ping is one too many.
    package mutating func accept(at now: NIODeadline, hasCalls: Bool) -> Bool {
        defer { last = now }
        if hasProgressed {
            hasProgressed = false
            strikes = 0
            return true
        }
        let least = hasCalls || permitWithoutStream ? minTime : Self.idleTime
        if let last, now < last + least { strikes += 1 }
        return strikes <= Self.maxStrikes
    }
}
