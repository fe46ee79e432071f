/// What is wrong with the cluster that a member was told to start or join; the texts are etcd's
/// where it has one.
package struct ClusterConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
