import ArgumentParser
import ClusterAPI
import Operator

struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows everything that is known of a cluster.",
        discussion: """
            Conditions, members, what the operator will do next and why, the whole spec with its
            defaults, and the latest events. Works with and without a running operator.

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
        let names =
            if let wanted = resource.wanted {
                [namespace.name(wanted)]
            } else {
                try directory.clusters().filter { $0.namespace == namespace.namespace }
            }
        let watcher = OperatorPresence(directory)
        let descriptions = try names.map { name in
            let cluster = try directory.resource(name)
            let events = try directory.cluster(name).events()
            return ClusterDescription(cluster, events: events, watcher: watcher).text
        }
        Terminal.standardOutput.write(descriptions.joined(separator: "\n\n"))
    }
}
