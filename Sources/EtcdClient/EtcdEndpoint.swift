/// Where an etcd listens for clients, as users write it: `http://127.0.0.1:2379`, `[::1]:2379`.
package struct EtcdEndpoint: Sendable, Hashable {
    package let host: String
    package let port: Int

    /// What is wrong with an endpoint's text.
    package struct Malformed: Error, Sendable, Hashable {
        package let reason: String
    }

    /// Reads a URL with scheme `http`, or a host and port without scheme. The port is 2379 unless
    /// it says so.
    package init(_ text: String) throws(Malformed) {
        var rest = text[...]
        if let scheme = text.firstRange(of: "://") {
            guard text[..<scheme.lowerBound].lowercased() == "http" else {
                let name = text[..<scheme.lowerBound]
                throw Malformed(reason: "the scheme \(name) is not supported, only http")
            }
            rest = text[scheme.upperBound...]
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        var port = "2379"
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else {
                throw Malformed(reason: "the bracket of the address is not closed")
            }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            let after = rest[rest.index(after: end)...]
            if after.hasPrefix(":") { port = String(after.dropFirst()) }
        } else if let colon = rest.lastIndex(of: ":") {
            host = String(rest[..<colon])
            port = String(rest[rest.index(after: colon)...])
        } else {
            host = String(rest)
        }
        guard !host.isEmpty, !host.contains("/") else {
            throw Malformed(reason: "there is no host in it")
        }
        guard let number = Int(port), (1...65535).contains(number) else {
            throw Malformed(reason: "\(port) is not a port")
        }
        self.port = number
    }
}
