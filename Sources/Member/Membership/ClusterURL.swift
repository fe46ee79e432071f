/// A peer or client URL as etcd accepts it: `http` or `https` with host, port and no path, or
/// `unix` or `unixs`. Kept as text, since member ids are made of the text.
struct ClusterURL: Hashable, Sendable {
    let text: String

    /// `text` may have spaces around it, which etcd drops. The errors are etcd's.
    init(_ text: some StringProtocol) throws(ClusterConfigurationError) {
        let text = ClusterURL.trimmed(text)
        guard let separator = ClusterURL.schemeEnd(of: text) else {
            throw ClusterConfigurationError(
                "URL scheme must be http, https, unix, or unixs: \(text)"
            )
        }
        let rest = text[separator...].dropFirst(3)
        switch text[..<separator] {
        case "http", "https":
            let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            guard ClusterURL.isHostAndPort(host) else {
                throw ClusterConfigurationError(
                    "URL address does not have the form \"host:port\": \(text)"
                )
            }
            guard rest.dropFirst(host.count).first != "/" else {
                throw ClusterConfigurationError("URL must not contain a path: \(text)")
            }
        case "unix", "unixs":
            break
        default:
            throw ClusterConfigurationError(
                "URL scheme must be http, https, unix, or unixs: \(text)"
            )
        }
        self.text = text
    }

    /// The URLs in the order in which etcd keeps and joins them.
    static func sorted(_ texts: [String]) throws(ClusterConfigurationError) -> [String] {
        guard !texts.isEmpty else { throw ClusterConfigurationError("no valid URLs given") }
        var urls: [String] = []
        for text in texts { urls.append(try ClusterURL(text).text) }
        return urls.sortedByBytes()
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var rest = Substring(text)
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }

    /// Where `://` begins.
    private static func schemeEnd(of text: String) -> String.Index? {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            return nil
        }
        return colon
    }

    /// `host:port`, where a host with colons (IPv6) stands in brackets. The port has digits only,
    /// but it may be empty and too large, as in Go.
    private static func isHostAndPort(_ text: Substring) -> Bool {
        guard let colon = text.lastIndex(of: ":") else { return false }
        let host = text[..<colon]
        guard text[colon...].dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return false
        }
        if host.hasPrefix("[") { return host.hasSuffix("]") }
        return !host.contains { $0 == ":" || $0 == "[" || $0 == "]" }
    }
}

extension [String] {
    /// In Go's order of strings, which is that of their bytes.
    func sortedByBytes() -> [String] {
        sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
