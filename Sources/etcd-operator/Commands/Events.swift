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

    @Argument(
        help: "One cluster (NAME, etcdcluster NAME or etcdcluster/NAME); all without it."
    )
    var words: [String] = []

    @OptionGroup var output: OutputOptions
    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        if !words.isEmpty { _ = try ResourceKind.name(in: words) }
    }

    func run() throws {
        let directory = try state.open()
        let names: [ClusterName]
        if !words.isEmpty {
            let name = namespace.name(try ResourceKind.name(in: words))
            names = [try directory.resource(name).name]
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
