/// An `http://host:port` from a flag, checked as etcd checks it.
package struct ListenURL: Hashable, Sendable, CustomStringConvertible {
    /// Without the brackets of an IPv6 address.
    package let host: String
    package let port: Int
    /// As the user wrote it: it is published and compared letter by letter.
    package let description: String

    /// Reads one URL; the error is etcd's words about it.
    package init(_ text: String, flag: String) throws(Fatal) {
        func wrong(_ why: String) -> Fatal {
            Fatal(.configuration, "--\(flag): \(why)", remedy: "write http://host:port")
        }
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, ["http", "https", "unix", "unixs"].contains(parts[0]) else {
            throw wrong("URL scheme must be http, https, unix, or unixs: \(text)")
        }
        guard parts[0] == "http" else {
            throw Fatal(
                .configuration,
                "--\(flag): \(text): scheme \(parts[0]) is not supported yet",
                remedy: "use http"
            )
        }
        let rest = parts[1]
        let authority = rest.prefix { !"/?#".contains($0) }
        guard let (host, port) = Self.split(authority) else {
            throw wrong("URL address does not have the form \"host:port\": \(text)")
        }
        guard authority.endIndex == rest.endIndex else {
            throw wrong("URL must not contain a path: \(text)")
        }
        self.host = host
        self.port = port
        description = text
    }

    /// Reads a comma-separated list; etcd refuses an empty one.
    package static func list(_ text: String, flag: String) throws(Fatal) -> [ListenURL] {
        var urls: [ListenURL] = []
        for part in text.split(separator: ",") {
            let trimmed = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            urls.append(try ListenURL(String(trimmed), flag: flag))
        }
        guard !urls.isEmpty else {
            throw Fatal(
                .configuration,
                "--\(flag): no valid URLs given",
                remedy: "write http://host:port"
            )
        }
        return urls
    }

    /// Go's `net.SplitHostPort`, with a numeric port.
    package static func split(_ authority: some StringProtocol) -> (host: String, port: Int)? {
        guard let colon = authority.lastIndex(of: ":"),
            let port = UInt16(authority[authority.index(after: colon)...])
        else { return nil }
        var host = authority[..<colon]
        if host.first == "[" {
            guard host.last == "]" else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        return (String(host), Int(port))
    }
}
