import ArgumentParser
import ClusterAPI
import Operator

/// One cluster by name, or all of them.
struct ClusterSelection: ParsableArguments {
    @Argument(help: "The name of a cluster.")
    var name: String?

    @Flag(help: "Every cluster of the state directory.")
    var all = false

    @OptionGroup var namespace: NamespaceOptions

    func validate() throws {
        guard (name != nil) != all else { throw ValidationError("expected a NAME or --all") }
    }

    /// The clusters meant, each of which exists.
    func names(in directory: StateDirectory) throws -> [ClusterName] {
        guard let name else { return try directory.clusters() }
        return [try directory.resource(namespace.name(name)).name]
    }
}
