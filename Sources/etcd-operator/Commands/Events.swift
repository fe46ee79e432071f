import ArgumentParser
import ClusterAPI
import Operator

struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists what happened to clusters, oldest first.",
        discussion: """
            Works with and without a running operator.

            EXAMPLES
              etcd-operator events
              etcd-operator events quickstart -o json
            """
    )

    @Argument(help: "The name of one cluster; all clusters of the namespace without it.")
    var name: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func run() throws {
        let directory = try state.open()
        let names: [ClusterName]
        if let name {
            names = [try directory.resource(namespace.name(name)).name]
        } else {
            names = try directory.clusters().filter { $0.namespace == namespace.namespace }
        }
        let events = try names.flatMap { try directory.cluster($0).events() }
            .enumerated().sorted { left, right in
                (left.element.time, left.offset) < (right.element.time, right.offset)
            }.map(\.element)
        if events.isEmpty, output.format == .table || output.format == .wide {
            Terminal.standardError.write("No events in \(directory.root)\n")
            return
        }
        Terminal.standardOutput.write(output.format.text(of: events, asList: true))
    }
}
