import ArgumentParser
import ClusterAPI
import Operator

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists what happened to clusters, oldest first.",
        discussion: """
            Works with and without a running operator. With --watch it goes on with each event as \
            it comes, until Ctrl-C; what repeats is then told each time, with how often it was so.

            EXAMPLES
              etcd-operator events
              etcd-operator events quickstart --watch
              etcd-operator events -A --types=Warning --since 1h
              etcd-operator events quickstart -o json
            """
    )

    @OptionGroup var scope: ClusterScope

    @Option(
        help: ArgumentHelp("Only these: Normal, Warning, or both with a comma.", valueName: "types")
    )
    var types = EventTypes.all

    @OptionGroup var since: SinceOption
    @OptionGroup var watching: WatchOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        let start = try since.start
        if let name = try scope.one { _ = try directory.resource(name) }
        guard !watching.watch else { return try await watch(directory, from: start) }
        let events = sorted(
            try names(in: directory).flatMap { try directory.cluster($0).events() }
        ).filter { isWanted($0, start) }
        if events.isEmpty, output.format.isTable {
            Terminal.standardError.write("No events in \(directory.root)\n")
            return
        }
        Terminal.standardOutput.write(output.format.text(of: events, asList: true))
    }

    private func watch(_ directory: StateDirectory, from start: Timestamp?) async throws {
        let changes = try StateWatch()
        var followers: [ClusterName: LineFollower<Event>] = [:]
        var stream = PrintStream<Event>(output.format)
        var presence = PresenceNote()
        var isFirst = true
        try await untilInterrupted(changes) {
            // What cannot be named was refused before.
            changes.add(try directory.watchedFolders { (try? scope.contains($0)) ?? false })
            var new: [Event] = []
            let names = try names(in: directory)
            for name in names {
                var follower = followers[name] ?? directory.cluster(name).followEvents()
                let events = try follower.next()
                new += isFirst ? events.folded : events
                followers[name] = follower
            }
            // One that is made anew begins anew.
            followers = followers.filter { names.contains($0.key) }
            isFirst = false
            if output.format.isTable { presence.tell(directory) }
            let text = stream.text(of: sorted(new).filter { isWanted($0, start) })
            return Terminal.standardOutput.write(text)
        }
    }

    private func isWanted(_ event: Event, _ start: Timestamp?) -> Bool {
        types.kinds.contains(event.type) && start.map { event.time >= $0 } ?? true
    }

    private func names(in directory: StateDirectory) throws -> [ClusterName] {
        try directory.clusters().filter { try scope.contains($0) }
    }

    /// By time; those of the same moment stay in the order of their file.
    private func sorted(_ events: [Event]) -> [Event] {
        events.enumerated().sorted { left, right in
            (left.element.time, left.offset) < (right.element.time, right.offset)
        }.map(\.element)
    }
}

/// The value of `--types`.
struct EventTypes: ExpressibleByArgument {
    static let all = EventTypes(kinds: Set(Event.Kind.allCases))

    let kinds: Set<Event.Kind>

    private init(kinds: Set<Event.Kind>) {
        self.kinds = kinds
    }

    init?(argument: String) {
        let words = argument.split(separator: ",").map { $0.lowercased() }
        let found = words.compactMap { word in
            Event.Kind.allCases.first { $0.rawValue.lowercased() == word }
        }
        guard !words.isEmpty, found.count == words.count else { return nil }
        kinds = Set(found)
    }

    var defaultValueDescription: String { "both" }

    static var allValueStrings: [String] { Event.Kind.allCases.map(\.rawValue) }
}
