import ClusterAPI

extension Event: Printable {
    static func headings(wide: Bool) -> [String] {
        wide
            ? ["TIME", "TYPE", "REASON", "CLUSTER", "COUNT", "MESSAGE"]
            : ["TIME", "TYPE", "REASON", "CLUSTER", "MESSAGE"]
    }

    func cells(wide: Bool) -> [String] {
        let seconds = Timestamp(seconds: time.seconds).description
        return wide
            ? [seconds, type.rawValue, reason, cluster, "\(count)", message]
            : [seconds, type.rawValue, reason, cluster, repeated]
    }

    var namespace: String { cluster.split(separator: "/").first.map(String.init) ?? "" }

    var reference: String { "event/\(cluster)/\(reason)" }

    var tree: FieldTree { FieldTree(encoding: self) }

    /// The message, with how often it was so.
    var repeated: String { count > 1 ? "\(message) (\(count) times)" : message }
}
