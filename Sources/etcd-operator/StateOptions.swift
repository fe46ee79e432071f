import ArgumentParser
import ClusterAPI
import Operator

/// Where a command finds the operator's state.
struct StateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The operator's state directory.",
            discussion: "Default: $ETCD_OPERATOR_STATE_DIR; else /var/lib/etcd-operator for root "
                + "and ~/.local/state/etcd-operator for others.",
            valueName: "directory"
        )
    )
    var stateDir: String?

    /// The path, whether or not something is there.
    var path: String {
        if let stateDir { return stateDir }
        return environment("ETCD_OPERATOR_STATE_DIR") ?? OperatorConfiguration.defaultStateDirectory
    }

    /// The directory for reading.
    func open() throws(OperatorError) -> StateDirectory {
        try StateDirectory(existing: path)
    }
}

/// Which clusters a command is about.
struct NamespaceOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The clusters' namespace.")
    var namespace = ClusterName.defaultNamespace

    func name(_ text: String) -> ClusterName {
        ClusterName(namespace: namespace, name: text)
    }
}

extension StateDirectory {
    /// One cluster, or why it is not there, with the names that are near.
    func resource(_ name: ClusterName) throws -> EtcdCluster {
        if let found = try cluster(name).resource() { return found }
        let all = try clusters()
        var remedy = "`etcd-operator get etcdclusters` lists those that are"
        let siblings = all.filter { $0.namespace == name.namespace }.map(\.name)
        if let near = Suggestion.nearest(to: name.name, among: siblings) {
            remedy = "did you mean \"\(near)\"?"
        } else if let elsewhere = all.first(where: { $0.name == name.name }) {
            remedy =
                "there is one in namespace \(elsewhere.namespace): add -n \(elsewhere.namespace)"
        }
        throw CommandFailure(
            .notFound,
            "there is no cluster \(name.name) in namespace \(name.namespace) of \(root)",
            remedy: remedy
        )
    }

    /// Every cluster, in the order of their names. One that cannot be read hides no other: it is
    /// shown as such, and why goes to the standard error.
    func resources(
        telling trouble: (ClusterName, OperatorError) -> Void = { name, error in
            CommandFailure(error).tell(about: name)
        }
    ) throws(OperatorError) -> [EtcdCluster] {
        var found: [EtcdCluster] = []
        for name in try clusters() {
            do throws(OperatorError) {
                if let cluster = try cluster(name).resource() { found.append(cluster) }
            } catch {
                trouble(name, error)
                let metadata = Metadata(name: name.name, namespace: name.namespace)
                let status = ClusterStatus(phase: "Unreadable")
                found.append(EtcdCluster(metadata: metadata, status: status))
            }
        }
        return found
    }

    /// The folders in which something changes when a cluster comes, goes or has news.
    func watchedFolders(of isWanted: (ClusterName) -> Bool) throws(OperatorError) -> [String] {
        let names = try clusters()
        let namespaces = Set(names.map(\.namespace)).sorted().map { "\(root)/clusters/\($0)" }
        // The lock file in the root tells of operators that begin.
        return [root, root + "/clusters"] + namespaces
            + names.filter(isWanted).map { cluster($0).path }
    }
}
