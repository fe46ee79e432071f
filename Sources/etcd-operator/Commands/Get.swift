import ArgumentParser
import ClusterAPI
import Operator

struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists clusters, or shows one.",
        discussion: """
            Reads the state directory, so it works with and without a running operator.

            With --watch it goes on until Ctrl-C: a row is printed again when something in it has \
            changed, and with -o json or yaml the whole resource when anything has. A cluster that \
            was deleted is printed a last time, as Deleted.

            EXAMPLES
              etcd-operator get etcdclusters
              etcd-operator get ec quickstart -o yaml
              etcd-operator get etcdclusters -A -o wide
              etcd-operator get ec --watch
              etcd-operator get ec quickstart --watch-only -o json | jq .status.phase
            """
    )

    @OptionGroup var resource: ResourceArguments
    @OptionGroup var output: OutputOptions
    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    @Flag(name: [.customShort("A"), .long], help: "Clusters of all namespaces.")
    var allNamespaces = false

    @OptionGroup var watching: WatchOptions

    @Flag(help: "As --watch, without what there is at the beginning.")
    var watchOnly = false

    func validate() throws {
        if allNamespaces, resource.wanted != nil {
            throw ValidationError("--all-namespaces is for lists; give the namespace with -n")
        }
    }

    func run() async throws {
        let directory = try state.open()
        if watching.watch || watchOnly { return try await watch(directory) }
        if let name = resource.wanted {
            let cluster = try directory.resource(namespace.name(name))
            Terminal.standardOutput.write(output.format.text(of: [cluster], asList: false))
            tellAge(of: directory)
            return
        }
        let clusters = try directory.resources().filter(isWanted)
        if clusters.isEmpty, output.format.isTable { return tellNone(in: directory) }
        let text = output.format.text(of: clusters, asList: true, namespaces: allNamespaces)
        Terminal.standardOutput.write(text)
        tellAge(of: directory)
    }

    private func watch(_ directory: StateDirectory) async throws {
        if let name = resource.wanted { _ = try directory.resource(namespace.name(name)) }
        let changes = try StateWatch()
        var news = ClusterNews(output.format)
        var stream = PrintStream<EtcdCluster>(output.format, namespaces: allNamespaces)
        var presence = PresenceNote()
        var troubles: Set<String> = []
        var isFirst = true
        try await untilInterrupted(changes) {
            changes.add(try directory.watchedFolders(of: isWanted))
            let clusters = try directory.resources { name, error in
                // As long as it lasts, once is enough.
                let failure = CommandFailure(error)
                if troubles.insert("\(name): \(failure)").inserted { failure.tell(about: name) }
            }.filter(isWanted)
            if output.format.isTable {
                if isFirst, clusters.isEmpty { tellNone(in: directory) }
                presence.tell(directory)
            }
            let changed = news.take(clusters)
            defer { isFirst = false }
            if isFirst, watchOnly { return true }
            return Terminal.standardOutput.write(stream.text(of: changed))
        }
    }

    private func isWanted(_ cluster: EtcdCluster) -> Bool {
        isWanted(cluster.name)
    }

    private func isWanted(_ name: ClusterName) -> Bool {
        guard allNamespaces || name.namespace == namespace.namespace else { return false }
        return resource.wanted.map { $0 == name.name } ?? true
    }

    private func tellNone(in directory: StateDirectory) {
        let place = allNamespaces ? "" : "namespace \(namespace.namespace) of "
        Terminal.standardError.write("No clusters in \(place)\(directory.root)\n")
    }

    /// A table looks current, so it must say when it may not be.
    private func tellAge(of directory: StateDirectory) {
        guard output.format.isTable else { return }
        Terminal.standardError.write(OperatorPresence(directory).note(directory))
    }
}

/// What of the clusters was not shown yet.
private struct ClusterNews {
    private let format: OutputFormat
    private var shown: [ClusterName: EtcdCluster] = [:]

    init(_ format: OutputFormat) {
        self.format = format
    }

    /// Those that look otherwise than before, in order of their names, then those that are gone.
    mutating func take(_ clusters: [EtcdCluster]) -> [EtcdCluster] {
        let changed = clusters.filter { cluster in
            guard let old = shown[cluster.name] else { return true }
            guard format.isTable else { return old != cluster }
            let isWide = format == .wide
            return old.cells(wide: isWide) != cluster.cells(wide: isWide)
        }
        let names = Set(clusters.map(\.name))
        let gone = shown.keys.filter { !names.contains($0) }.sorted().compactMap { shown[$0] }
        shown = Dictionary(uniqueKeysWithValues: clusters.map { ($0.name, $0) })
        return changed + gone.map(\.deleted)
    }
}

extension EtcdCluster {
    fileprivate var deleted: EtcdCluster {
        var last = self
        last.status = ClusterStatus(phase: "Deleted")
        return last
    }
}
