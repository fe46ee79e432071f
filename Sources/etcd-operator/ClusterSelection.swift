import ArgumentParser
import ClusterAPI
import Operator

/// One cluster by name, or all of them.
struct ClusterSelection: ParsableArguments {
    @Argument(
        help: "The cluster: NAME, etcdcluster NAME, or etcdcluster/NAME.",
        completion: .clusterNames
    )
    var words: [String] = []

    @Flag(help: "Every cluster of the namespace.")
    var all = false

    @Flag(name: [.customShort("A"), .long], help: "With --all: of every namespace.")
    var allNamespaces = false

    @OptionGroup var namespace: NamespaceOptions

    func validate() throws {
        guard words.isEmpty == all else { throw ValidationError("expected a NAME or --all") }
        guard all || !allNamespaces else {
            throw ValidationError("--all-namespaces goes with --all; give the namespace with -n")
        }
        if !all { _ = try ResourceKind.name(in: words) }
    }

    /// Does something with each cluster meant. What cannot be done with one of many is told, and
    /// the others are gone on with; the worst of the failures is the command's.
    func forEach(
        in directory: StateDirectory,
        _ body: (ClusterName) async throws -> Void
    ) async throws {
        guard all else {
            let name = namespace.name(try ResourceKind.name(in: words))
            return try await body(try directory.resource(name).name)
        }
        var worst: CommandFailure?
        var failed = 0
        for name in try created(in: directory) {
            do {
                try await body(name)
            } catch {
                let failure =
                    (error as? OperatorError).map { CommandFailure($0) }
                    ?? error as? CommandFailure ?? CommandFailure(.failed, "\(error)")
                failure.tell(about: name)
                failed += 1
                if failure.code.rawValue > worst?.code.rawValue ?? 0 { worst = failure }
            }
        }
        guard let worst else { return }
        throw CommandFailure(worst.code, "it failed for \(failed) of the clusters, see above")
    }

    /// Those that exist; a file may declare more, of which nothing can be stopped or started. One
    /// that cannot be read is among them, since it may exist.
    private func created(in directory: StateDirectory) throws -> [ClusterName] {
        try directory.clusters().filter { name in
            guard allNamespaces || name.namespace == namespace.namespace else { return false }
            do throws(OperatorError) {
                return try directory.cluster(name).record() != nil
            } catch {
                return true
            }
        }
    }
}
