import Storage

/// One thing that `etcd-member` does for people besides being a member, such as
/// `etcd-member snapshot status FILE`.
struct Command: Sendable {
    /// The words that name it: `snapshot status`.
    let name: String
    /// What its operands are, for the usage line: `FILE`.
    let operands: String
    let operandCount: ClosedRange<Int>
    /// One sentence.
    let meaning: String
    let flags: [Flag]
    /// Whole command lines.
    let examples: [String]
    let run: @Sendable (Call) throws(Fatal) -> ExitCode

    /// A command line, understood.
    struct Call {
        let flags: FlagParser
        /// Completes relative paths.
        let workingDirectory: String
        let disk: any Disk = FileDisk()

        func path(_ text: String) -> String {
            text.hasPrefix("/") ? text : "\(workingDirectory)/\(text)"
        }

        /// The path of the first operand.
        var operand: String { path(flags.operands[0]) }

        var format: OutputFormat {
            OutputFormat(rawValue: flags.value("write-out")) ?? .simple
        }

        func open(_ path: String) throws(Fatal) -> any DiskFile {
            do throws(DiskError) {
                return try disk.open(path, .read)
            } catch {
                throw Fatal(.failure, "\(error)", remedy: "name a file that can be read")
            }
        }
    }

    static let help = Flag("help", .boolean, "false", "Print this text and exit.", shorthand: "h")
    static let writeOut = Flag(
        "write-out",
        .oneOf(OutputFormat.allCases.map(\.rawValue)),
        "simple",
        "Form of the output: simple, table, json or fields.",
        shorthand: "w"
    )

    /// All that there are, in the order in which `--help` lists them.
    static let all: [Command] = [
        SnapshotCommands.status, SnapshotCommands.restore, SalvageCommand.salvage,
        HashCommand.hashKV, CheckCommands.log, CheckCommands.store, CheckCommands.snapshot,
        LogCommands.raiseCommit,
    ]

    /// Runs what the arguments name; nil when they begin with a flag, and so are a member's.
    static func run(
        _ arguments: [String],
        workingDirectory: String
    ) throws(Fatal) -> ExitCode? {
        guard let first = arguments.first, !first.hasPrefix("-") else { return nil }
        let words = arguments.prefix { !$0.hasPrefix("-") }
        guard
            let command = all.first(where: { command in
                words.starts(with: command.name.split(separator: " ").map(String.init))
            })
        else { return try explain(arguments, words) }
        let rest = arguments.dropFirst(command.name.split(separator: " ").count)
        let flags = try FlagParser(
            arguments: Array(rest),
            environment: [:],
            table: command.flags + [help],
            takesOperands: true
        )
        if flags.isOn("help") {
            StandardStream.output.write(command.usage)
            return .stopped
        }
        guard command.operandCount.contains(flags.operands.count) else {
            throw Fatal(
                .configuration,
                command.operands.isEmpty
                    ? "\(command.name) takes flags only, not '\(flags.operands[0])'"
                    : "\(command.name) takes \(command.operands), not \(flags.operands.count) "
                        + "operands",
                remedy: "see etcd-member \(command.name) --help"
            )
        }
        return try command.run(Call(flags: flags, workingDirectory: workingDirectory))
    }

    /// The words are no command: those that they begin, if help is asked for, else an error.
    private static func explain(
        _ arguments: [String],
        _ words: ArraySlice<String>
    ) throws(Fatal) -> ExitCode {
        let family = all.filter { $0.name.hasPrefix("\(words.first ?? "") ") }
        let asksForHelp =
            arguments == ["help"] || arguments.contains("--help") || arguments.contains("-h")
        if asksForHelp {
            let shown = family.isEmpty ? all : family
            StandardStream.output.write(shown.map(\.usage).joined(separator: "\n"))
            return .stopped
        }
        throw Fatal(
            .configuration,
            "'\(words.joined(separator: " "))' is neither a flag nor a command",
            remedy: "commands are: "
                + (family.isEmpty ? all : family).map(\.name)
                .joined(separator: ", ")
        )
    }

    private var usage: String {
        let words = ["Usage: etcd-member", name, operands, "[flags]"].filter { !$0.isEmpty }
        var lines = [words.joined(separator: " "), "", meaning, ""]
        for flag in flags + [Command.help] {
            let short = flag.shorthand.map { "-\($0), " } ?? ""
            lines += ["  \(short)--\(flag.name) '\(flag.fallback)'", "    \(flag.meaning)"]
        }
        lines += ["", "Examples:"] + examples.map { "  \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }
}
