/// A connection could not be made.
package struct GRPCConnectError: Error, Sendable, Hashable, CustomStringConvertible {
    package let host: String
    package let port: Int
    /// Why, for people.
    package let reason: String

    package init(host: String, port: Int, reason: String) {
        self.host = host
        self.port = port
        self.reason = reason
    }

    package var description: String { "cannot connect to \(host):\(port): \(reason)" }
}
