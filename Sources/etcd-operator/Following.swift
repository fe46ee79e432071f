import ArgumentParser
import ClusterAPI
import Operator

/// Whether a command goes on.
struct WatchOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Then go on with what is new, until Ctrl-C.")
    var watch = false
}

/// From when on lines and events are shown.
struct SinceOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only what is not older than this, such as 90s, 10m or 2h.",
            valueName: "duration"
        )
    )
    var since: String?

    func validate() throws {
        _ = try age
    }

    private var age: Duration? {
        get throws {
            guard let since else { return nil }
            do throws(ValueError) {
                return try Duration(parsing: since)
            } catch {
                throw ValidationError("--since: expected \(error.expected), found \"\(since)\"")
            }
        }
    }

    /// The moment, counted from now; nil when all is wanted.
    var start: Timestamp? {
        get throws { try age.map { wallNow().advanced(by: .zero - $0) } }
    }
}

/// Looks at once and after every change of the directories that `watch` is told of, until the
/// program is interrupted or `look` returns false. The interruption is the way in which it should
/// end, so it is no failure.
func untilInterrupted(_ watch: StateWatch, _ look: () throws -> Bool) async throws {
    let interruption = Interruption()
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            await interruption.first()
            watch.end()
        }
        defer { group.cancelAll() }
        while !watch.hasEnded, try look() { await watch.wait() }
    }
}

/// Says once that no operator runs, and again when that changes: what is shown looks current.
struct PresenceNote {
    private var wasPresent: Bool?

    mutating func tell(_ directory: StateDirectory) {
        let presence = OperatorPresence(directory)
        let isPresent = presence.processID != nil
        defer { wasPresent = isPresent }
        guard isPresent != wasPresent else { return }
        if !isPresent {
            Terminal.standardError.write(presence.note(directory))
        } else if wasPresent != nil {
            Terminal.standardError.write("An operator is running again.\n")
        }
    }
}
