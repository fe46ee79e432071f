package import NIOCore

/// How a client connects and what it accepts.
package struct GRPCClientConfiguration: Sendable {
    /// For looking up the name, connecting, and the server's first HTTP/2 frame together.
    package var connectTimeout = TimeAmount.seconds(5)
    /// The largest answer or stream message in octets.
    package var maxReceiveMessageSize = 256 * 1024 * 1024
    /// Flow control windows in octets.
    package var streamWindow = 1024 * 1024
    package var connectionWindow = 4 * 1024 * 1024
    /// The largest header block of an answer.
    package var maxHeaderListSize = 64 * 1024
    /// Silence after which the server is pinged; nil: never. A server cuts off clients that ping
    /// more often than it likes.
    package var keepaliveTime: TimeAmount?
    /// How long the server may take to answer a ping.
    package var keepaliveTimeout = TimeAmount.seconds(20)
    package var userAgent = "etcd-operator"

    package init() {}
}
