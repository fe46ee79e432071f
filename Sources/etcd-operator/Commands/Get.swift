import ArgumentParser
import ClusterAPI
import Operator

struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists clusters, or shows one.",
        discussion: """
            Reads the state directory, so it works with and without a running operator.

            EXAMPLES
              etcd-operator get etcdclusters
              etcd-operator get ec quickstart -o yaml
              etcd-operator get etcdclusters -A -o wide
            """
    )

    @OptionGroup var resource: ResourceArguments
    @OptionGroup var output: OutputOptions
    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    @Flag(name: [.customShort("A"), .long], help: "Clusters of all namespaces.")
    var allNamespaces = false

    func validate() throws {
        if allNamespaces, resource.wanted != nil {
            throw ValidationError("--all-namespaces is for lists; give the namespace with -n")
        }
    }

    func run() throws {
        let directory = try state.open()
        if let name = resource.wanted {
            let cluster = try directory.resource(namespace.name(name))
            Terminal.standardOutput.write(output.format.text(of: [cluster], asList: false))
            tellAge(of: directory)
            return
        }
        let clusters = try directory.resources().filter {
            allNamespaces || $0.metadata.namespace == namespace.namespace
        }
        if clusters.isEmpty, output.format == .table || output.format == .wide {
            let place = allNamespaces ? "" : "namespace \(namespace.namespace) of "
            Terminal.standardError.write("No clusters in \(place)\(directory.root)\n")
            return
        }
        let text = output.format.text(of: clusters, asList: true, namespaces: allNamespaces)
        Terminal.standardOutput.write(text)
        tellAge(of: directory)
    }

    /// A table looks current, so it must say when it may not be.
    private func tellAge(of directory: StateDirectory) {
        guard output.format == .table || output.format == .wide else { return }
        Terminal.standardError.write(OperatorPresence(directory).note(directory))
    }
}
