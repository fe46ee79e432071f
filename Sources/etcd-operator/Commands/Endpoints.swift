import ArgumentParser
import ClusterAPI

struct Endpoints: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints a cluster's client URLs on one line, for --endpoints of etcdctl.",
        discussion: """
            Works with and without a running operator.

            EXAMPLES
              ETCDCTL_API=3 etcdctl --endpoints=$(etcd-operator endpoints quickstart) get hello
            """
    )

    @Argument(
        help: "The cluster: NAME, etcdcluster NAME, or etcdcluster/NAME.",
        completion: .clusterNames
    )
    var words: [String]

    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        _ = try ResourceKind.name(in: words)
    }

    func run() throws {
        let name = namespace.name(try ResourceKind.name(in: words))
        let cluster = try state.open().resource(name)
        let endpoints = try cluster.publishedEndpoints()
        Terminal.standardOutput.write(endpoints.joined(separator: ",") + "\n")
    }
}

extension EtcdCluster {
    /// The client URLs, or why there are none.
    func publishedEndpoints() throws -> [String] {
        if let endpoints = status?.endpoints, !endpoints.isEmpty { return endpoints }
        throw CommandFailure(
            .failed,
            "\(name.argument) has no endpoints yet: it is \(status?.phase ?? "Pending")",
            remedy: "`etcd-operator plan \(name.argument)` says why"
        )
    }
}
