package import NIOCore

/// What a server allows its clients. The defaults are those of etcd where it has an opinion.
package struct GRPCServerConfiguration {
    /// Who answers which method.
    package var router: any GRPCRouter
    /// The largest request in octets; a larger one is answered ResourceExhausted.
    package var maxReceiveMessageSize = 2 * 1024 * 1024
    /// Calls open at once on a connection; `UInt32.max` does not announce any limit.
    package var maxConcurrentStreams = UInt32.max
    /// The sum of names and values of a request's header fields, 32 octets added for each.
    package var maxHeaderListSize = 64 * 1024
    /// Flow control windows in octets: what a client may send ahead on a call, on a connection.
    package var streamWindow = 1024 * 1024
    package var connectionWindow = 4 * 1024 * 1024
    /// Octets of unfinished requests and unread stream messages kept for one connection. More is
    /// refused with ResourceExhausted.
    package var maxHeldBytes = 64 * 1024 * 1024
    /// Octets of answers that wait for a client to make room; above it, further unary requests of
    /// the connection wait too.
    package var maxUnsentBytes = 16 * 1024 * 1024
    package var keepalive = GRPCKeepalive()
    package var limits = GRPCFloodLimits()

    package init(router: any GRPCRouter) { self.router = router }
}

/// When a server looks whether a silent client is there, and how often a client may do the same.
package struct GRPCKeepalive: Sendable {
    /// Silence after which the client is pinged.
    package var time = TimeAmount.hours(2)
    /// How long the client may take to answer anything.
    package var timeout = TimeAmount.seconds(20)
    /// The least time between a client's pings; a client that keeps pinging faster is cut off with
    /// GOAWAY ENHANCE_YOUR_CALM, `too_many_pings`.
    package var minTime = TimeAmount.seconds(5)
    /// Whether clients may ping when they have no call open.
    package var permitWithoutStream = false
    /// At a shutdown, how long a client may take to answer the first GOAWAY before it is sent the
    /// second, after which its calls are not accepted any more.
    package var shutdownGrace = TimeAmount.seconds(5)
    /// How long a new connection may take to say its first SETTINGS.
    package var handshakeTimeout = TimeAmount.seconds(120)

    package init() {}
}

/// How much useless work one connection may cause: a burst, then a rate.
package struct GRPCFloodLimits: Sendable {
    /// Calls that the client itself resets. An honest one does so when deadlines pass: with all
    /// the calls of an overloaded application on one connection, with thousands at once.
    package var resetBurst: UInt64 = 5000
    package var resetsPerSecond: UInt64 = 1000
    /// Frames that carry nothing: SETTINGS and empty DATA.
    package var emptyFrameBurst = 1000
    package var emptyFramesPerSecond = 100

    package init() {}
}
