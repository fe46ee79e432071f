/// What a user orders for one cluster, beside its spec.
enum ClusterCommand: String, Hashable, Sendable, Codable {
    case down
    case up
    case delete
}
