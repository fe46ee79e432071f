import ArgumentParser
import ClusterAPI
import Operator

struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows everything that is known of a cluster.",
        discussion: """
            Conditions, members, what the operator will do next and why, the whole spec with its \
            defaults, and the latest events. Works with and without a running operator. On a \
            terminal, or with COLUMNS set, long messages are wrapped.

            EXAMPLES
              etcd-operator describe etcdcluster quickstart
              etcd-operator describe ec/quickstart
            """
    )

    @OptionGroup var resource: ResourceArguments
    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func run() throws {
        let directory = try state.open()
        let clusters =
            if let wanted = resource.wanted {
                [try directory.resource(namespace.name(wanted))]
            } else {
                try directory.resources().filter {
                    $0.metadata.namespace == namespace.namespace
                }
            }
        let watcher = OperatorPresence(directory)
        let width = Terminal.standardOutput.columns
        let descriptions = try clusters.map { cluster in
            let events = try directory.cluster(cluster.name).events()
            return ClusterDescription(cluster, events: events, watcher: watcher, width: width).text
        }
        Terminal.standardOutput.write(descriptions.joined(separator: "\n\n"))
    }
}
