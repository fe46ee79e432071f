package import Member

/// The etcd version this member says it is, capped by `--compatibility`.
///
/// Clients see the number of the chosen level. Peers never see less than 3.5, since this member
/// proposes membership attributes in 3.5's form and refuses older peers: at level 3.4 the two
/// numbers differ.
package struct AnnouncedVersion: Hashable, Sendable {
    package let client: ServerVersion
    package let peer: ServerVersion

    /// The oldest cluster a peer may be part of.
    package static let minimumCluster = ServerVersion(major: 3, minor: 5, patch: 0)

    /// `level` is `3.4`, `3.5` or `3.6`.
    package init(level: String) {
        client =
            switch level {
            case "3.4": ServerVersion(major: 3, minor: 4, patch: 38)
            case "3.6": ServerVersion(major: 3, minor: 6, patch: 14)
            default: ServerVersion(major: 3, minor: 5, patch: 33)
            }
        peer = max(client, Self.minimumCluster)
    }
}
