import ArgumentParser
import ClusterAPI

/// Which clusters a verb that only looks is about: one by its name, or without a name all of a
/// namespace or of every one.
struct ClusterScope: ParsableArguments {
    @Argument(
        help: "One cluster (NAME, etcdcluster NAME or etcdcluster/NAME); all without it.",
        completion: .clusterNames
    )
    var words: [String] = []

    @OptionGroup var namespace: NamespaceOptions

    @Flag(name: [.customShort("A"), .long], help: "Those of all namespaces.")
    var allNamespaces = false

    func validate() throws {
        if try one == nil { return }
        if allNamespaces {
            throw ValidationError(
                "--all-namespaces is for all clusters; give the namespace with -n"
            )
        }
    }

    /// The one that was named.
    var one: ClusterName? {
        get throws { words.isEmpty ? nil : namespace.name(try ResourceKind.name(in: words)) }
    }

    func contains(_ name: ClusterName) throws -> Bool {
        try one.map { $0 == name } ?? (allNamespaces || name.namespace == namespace.namespace)
    }
}
