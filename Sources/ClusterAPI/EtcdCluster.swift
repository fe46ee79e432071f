/// What a user asks for, and what the operator reports about it.
///
/// Read one with `EtcdCluster.decode(_:)`, which fills in every default, so that a value of this
/// type is always complete: nothing downstream asks "and if the user left it out?".
package struct EtcdCluster: Hashable, Sendable {
    package static let group = "etcd-operator.dev"
    package static let version = "v1alpha1"
    package static let apiVersion = "\(group)/\(version)"
    package static let kind = "EtcdCluster"
    package static let plural = "etcdclusters"
    package static let singular = "etcdcluster"
    package static let shortNames = ["ec"]

    package var metadata: Metadata
    package var spec: ClusterSpec
    /// Nil until the operator has looked at the cluster once.
    package var status: ClusterStatus?

    package init(
        metadata: Metadata,
        spec: ClusterSpec = ClusterSpec(),
        status: ClusterStatus? = nil
    ) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    package var name: ClusterName { metadata.clusterName }
}

/// The name of a cluster among all clusters: unique together, as in Kubernetes.
package struct ClusterName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let defaultNamespace = "default"

    package let namespace: String
    package let name: String

    package init(namespace: String = ClusterName.defaultNamespace, name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `namespace/name`.
    package var description: String { "\(namespace)/\(name)" }

    /// As a command line takes it: `name`, and `-n namespace` where that is needed.
    package var argument: String {
        namespace == ClusterName.defaultNamespace ? name : "\(name) -n \(namespace)"
    }

    package static func < (left: ClusterName, right: ClusterName) -> Bool {
        (left.namespace, left.name) < (right.namespace, right.name)
    }
}

/// Who a cluster is, apart from what it should be like.
package struct Metadata: Hashable, Sendable {
    package var name: String
    package var namespace: String
    package var labels: [String: String]
    package var annotations: [String: String]
    /// Counts the accepted versions of the spec; the operator sets it, starting with 1.
    package var generation: Int64
    /// Tells apart two clusters that had the same name one after the other; the operator sets it.
    package var uid: String

    package init(
        name: String,
        namespace: String = ClusterName.defaultNamespace,
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        generation: Int64 = 0,
        uid: String = ""
    ) {
        self.name = name
        self.namespace = namespace
        self.labels = labels
        self.annotations = annotations
        self.generation = generation
        self.uid = uid
    }

    package var clusterName: ClusterName { ClusterName(namespace: namespace, name: name) }
}
