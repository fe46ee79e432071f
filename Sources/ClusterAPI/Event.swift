/// Something worth telling that happened to a cluster.
package struct Event: Hashable, Sendable, Codable {
    package enum Kind: String, CaseIterable, Hashable, Sendable, Codable {
        case normal = "Normal"
        case warning = "Warning"
    }

    /// When it happened last.
    package var time: Timestamp
    /// The cluster, as `namespace/name`.
    package let cluster: String
    package let type: Kind
    /// One word in CamelCase that programs may compare.
    package let reason: String
    package let message: String
    /// How often the same thing has happened in a row.
    package var count: Int

    package init(
        time: Timestamp,
        cluster: ClusterName,
        type: Kind,
        reason: String,
        message: String,
        count: Int = 1
    ) {
        self.time = time
        self.cluster = cluster.description
        self.type = type
        self.reason = reason
        self.message = message
        self.count = count
    }

    /// True when the other event tells the same, so that it may be counted instead of repeated.
    package func repeats(_ other: Event) -> Bool {
        cluster == other.cluster && type == other.type && reason == other.reason
            && message == other.message
    }
}
