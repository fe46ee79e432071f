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

    @Argument(help: "The name of the cluster.")
    var name: String

    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func run() throws {
        let cluster = try state.open().resource(namespace.name(name))
        let endpoints = cluster.status?.endpoints ?? []
        guard !endpoints.isEmpty else {
            throw CommandFailure(
                .failed,
                "\(name) has no endpoints yet: it is \(cluster.status?.phase ?? "Pending")",
                remedy: "`etcd-operator describe etcdcluster \(name)` says why"
            )
        }
        Terminal.standardOutput.write(endpoints.joined(separator: ",") + "\n")
    }
}
