import ArgumentParser
import ClusterAPI
import Operator

struct Journal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists what the operator changed about a cluster, with cause and result.",
        discussion: """
            One line for each change, oldest first: the step, `done` or what went wrong, and why \
            it was taken; -o wide adds what it changed, before and after. Works with and without a \
            running operator. With --watch it goes on until Ctrl-C.

            EXAMPLES
              etcd-operator journal quickstart
              etcd-operator journal quickstart -o wide --since 1h
              etcd-operator journal quickstart --watch -o json
            """
    )

    @Argument(
        help: "The cluster: NAME, etcdcluster NAME, or etcdcluster/NAME.",
        completion: .clusterNames
    )
    var words: [String]

    @OptionGroup var since: SinceOption
    @OptionGroup var watching: WatchOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        _ = try ResourceKind.name(in: words)
    }

    func run() async throws {
        let directory = try state.open()
        let name = namespace.name(try ResourceKind.name(in: words))
        _ = try directory.resource(name)
        let start = try since.start
        var follower = directory.cluster(name).followJournal()
        guard watching.watch else {
            let lines = try lines(from: &follower, of: name, start)
            if lines.isEmpty, output.format.isTable {
                Terminal.standardError.write("Nothing was changed about \(name.argument)\n")
                return
            }
            Terminal.standardOutput.write(output.format.text(of: lines, asList: true))
            return
        }
        let changes = try StateWatch()
        var stream = PrintStream<JournalLine>(output.format)
        var presence = PresenceNote()
        try await untilInterrupted(changes) {
            changes.add(try directory.watchedFolders { $0 == name })
            if output.format.isTable { presence.tell(directory) }
            let lines = try lines(from: &follower, of: name, start)
            return Terminal.standardOutput.write(stream.text(of: lines))
        }
    }

    private func lines(
        from follower: inout LineFollower<JournalEntry>,
        of name: ClusterName,
        _ start: Timestamp?
    ) throws -> [JournalLine] {
        try follower.next().filter { entry in start.map { entry.time >= $0 } ?? true }
            .map { JournalLine(cluster: name, entry: $0) }
    }
}
