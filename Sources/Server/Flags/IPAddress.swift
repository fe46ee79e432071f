import NIOCore

/// Whether a text is an IP address and not a host name.
enum IPAddress {
    static func isValid(_ text: String) -> Bool {
        do {
            _ = try SocketAddress(ipAddress: text, port: 0)
            return true
        } catch {
            return false  // the only error is "not an address"
        }
    }
}
