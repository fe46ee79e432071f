import ArgumentParser
import ClusterAPI
import Operator
import Planning

struct Scale: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sets spec.replicas in the file that declares a cluster.",
        discussion: """
            The file is the truth, so it is edited, and the operator takes the edit as any other: \
            comments, order, quotes, line ends, mode and owner stay, and nothing is written unless \
            the new text is valid. Needs no running operator; the next one takes it. What cannot \
            be changed without a doubt (anchors, aliases, tags) is refused with its place.

            EXAMPLES
              etcd-operator scale quickstart --replicas 5
              etcd-operator scale ec/quickstart --replicas 5 --current-replicas 3
              etcd-operator scale quickstart --replicas 5 --dry-run
            """
    )

    @Argument(
        help: "The cluster: NAME, etcdcluster NAME, or etcdcluster/NAME.",
        completion: .clusterNames
    )
    var words: [String]

    @Option(help: "How many members are wanted.")
    var replicas: Int

    @Option(help: "Do it only if the file says this number now.")
    var currentReplicas: Int?

    @Flag(help: "Show what would change in the file, and change nothing.")
    var dryRun = false

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The file that declares it, if that is not the one it was last read from.",
            valueName: "file"
        ),
        completion: .file()
    )
    var filename: String?

    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        _ = try ResourceKind.name(in: words)
    }

    func run() throws {
        let directory = try state.open()
        let name = namespace.name(try ResourceKind.name(in: words))
        _ = try directory.resource(name)
        let file = try filename ?? source(of: name, in: directory)
        let replacement = try SpecReplacement(of: file)
        let edit = try ReplicaEdit(
            file: file,
            text: replacement.text,
            cluster: name,
            replicas: replicas
        )
        if let currentReplicas, currentReplicas != edit.before {
            throw CommandFailure(
                .unsafe,
                "\(file): spec.replicas of \(name.argument) is \(edit.before), "
                    + "not \(currentReplicas)",
                remedy: "nothing is changed"
            )
        }
        for warning in edit.warnings { Terminal.standardError.write(warning + "\n") }
        guard edit.bytes != replacement.text else {
            print("\(name.argument): spec.replicas is \(replicas) already")
            return
        }
        guard !dryRun else {
            print(
                "\(name.argument) would be scaled from \(edit.before) to \(replicas): \(edit.place)"
            )
            print(changedLines(from: replacement.text, to: edit.bytes), terminator: "")
            return
        }
        try replacement.write(edit.bytes)
        print("\(name.argument) scaled from \(edit.before) to \(replicas): \(edit.place)")
        guard OperatorPresence(directory).processID == nil else { return }
        Terminal.standardError.write("No operator is running: the next one takes it up.\n")
    }

    private func source(of name: ClusterName, in directory: StateDirectory) throws -> String {
        guard let record = try directory.cluster(name).record() else {
            throw CommandFailure(
                .failed,
                "\(name.argument) was never created, so it is not known which file declares it",
                remedy: "name it with --filename"
            )
        }
        return record.source
    }

    /// The lines in which two texts differ, as `diff` shows them.
    private func changedLines(from old: [UInt8], to new: [UInt8]) -> String {
        let old = lines(old)
        let new = lines(new)
        let same = zip(old, new).prefix { $0 == $1 }.count
        let tail = zip(old.dropFirst(same).reversed(), new.dropFirst(same).reversed())
            .prefix { $0 == $1 }.count
        let removed = old.dropFirst(same).dropLast(tail).map { "-\($0)\n" }
        let added = new.dropFirst(same).dropLast(tail).map { "+\($0)\n" }
        return (removed + added).joined()
    }

    private func lines(_ text: [UInt8]) -> [String] {
        String(decoding: text, as: UTF8.self)
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    }
}
