/// Why a process ended (safety rule 15). Only `corruption` says anything about the data.
package enum ExitCause: Hashable, Sendable {
    /// It ended by itself and without complaint.
    case clean
    /// The operator had asked it to.
    case stopped
    case configuration(String)
    case binaryMissing(String)
    case portInUse(String)
    case dataLocked(String)
    case outOfMemory(String)
    case noSpace(String)
    case corruption(String)
    /// The disk failed, or the directory may not be used.
    case diskFailure(String)
    /// The data is another's, or the cluster will not have the member.
    case refused(String)
    case signal(Int32)
    /// It failed with this code, and its last words name no known cause; below zero: no process
    /// was made.
    case failed(code: Int32, lastWords: String)
    /// It was not our child: that it ended is known, how is not.
    case unseen
}

/// How a process ended, as the kernel tells its parent.
package enum ExitStatus: Hashable, Sendable {
    case code(Int32)
    case signal(Int32)
    /// Only the parent is told, and that was another operator.
    case unseen
}

extension ExitCause {
    /// Reads the cause from the status and from the end of the member's log.
    ///
    /// Only a process that gave up by itself is judged by its last words: one that was killed may
    /// have written anything before.
    package init(_ status: ExitStatus, log: some StringProtocol) {
        switch status {
        case .code(0): self = .clean
        case .signal(let number): self = .signal(number)
        case .unseen: self = .unseen
        case .code(let code):
            let lines = log.split(whereSeparator: \.isNewline).suffix(20).reversed()
            let lastWords = lines.first.map { ExitCause.words(of: $0) } ?? ""
            if let known = ExitCause.codes[code] {
                self = known(lastWords)
                return
            }
            for line in lines + ExitCause.panics(in: log) {
                let text = line.lowercased()
                if let known = ExitCause.marks.first(where: { $0.0.contains(where: text.contains) })
                {
                    self = known.1(ExitCause.words(of: line))
                    return
                }
            }
            self = .failed(code: code, lastWords: lastWords)
        }
    }

    /// The words with which a program in Go gave up: the stacks of all its threads follow them.
    private static func panics<Log: StringProtocol>(in log: Log) -> [Log.SubSequence] {
        log.split(whereSeparator: \.isNewline)
            .filter { $0.hasPrefix("panic: ") || $0.hasPrefix("fatal error: ") }
    }

    /// What a line of a log says, without the time at which it does: the same cause gives the same
    /// words. Of etcd's JSON that is the message and the error.
    static func words(of line: some StringProtocol) -> String {
        if line.hasPrefix("{") {
            let fields = ["msg", "error"].compactMap { field(named: $0, in: line) }
            if !fields.isEmpty { return String(fields.joined(separator: ": ").prefix(300)) }
        }
        let rest = line.split(separator: " ", omittingEmptySubsequences: false).drop { word in
            word.first?.isNumber == true && word.contains { "-:".contains($0) }
                && word.allSatisfy { $0.isNumber || "-:.,TZ+/".contains($0) }
        }
        return String(rest.joined(separator: " ").prefix(300))
    }

    private static func field(named name: String, in json: some StringProtocol) -> String? {
        let mark = "\"\(name)\":\""
        // Without Foundation a text is looked for as the first place where the rest begins with it.
        guard let start = json.indices.first(where: { json[$0...].hasPrefix(mark) }) else {
            return nil
        }
        var text = ""
        var isEscaped = false
        for character in json[start...].dropFirst(mark.count) {
            if isEscaped {
                text.append(character == "n" || character == "t" ? " " : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                return text
            } else {
                text.append(character)
            }
        }
        return text
    }

    /// The codes with which `etcd-member` ends (`ExitCode` in Server).
    private static let codes: [Int32: @Sendable (String) -> ExitCause] = [
        64: { .configuration($0) }, 65: { .corruption($0) }, 66: { .refused($0) },
        67: { .refused($0) }, 68: { .refused($0) }, 69: { .portInUse($0) },
        73: { .diskFailure($0) }, 74: { .diskFailure($0) }, 75: { .dataLocked($0) },
        76: { .noSpace($0) }, 77: { .refused($0) },
    ]

    /// What etcd writes before it gives up. The first that fits counts.
    private static let marks: [([String], @Sendable (String) -> ExitCause)] = [
        (["address already in use", "cannot assign requested address"], { .portInUse($0) }),
        (["no space left on device"], { .noSpace($0) }),
        (["cannot allocate memory", "out of memory"], { .outOfMemory($0) }),
        (
            ["crc mismatch", "is corrupt", "corrupted", "invalid database", "wal: slice bounds"],
            { .corruption($0) }
        ),
        // What bbolt says of pages that are not as they were written, and etcd of what is on them.
        (
            [
                "failed to get all reachable pages", "invalid page type", "invalid freelist page",
                "but self identifies as", "already freed", "checksum error",
                "cannot unmarshal event", "failed to unmarshal mvccpb.keyvalue",
                "cannot unmarshal lease", "failed to unmarshal lease",
            ],
            { .corruption($0) }
        ),
        (
            ["locked by another process", "cannot acquire lock", "file already locked"],
            { .dataLocked($0) }
        ),
        (
            [
                "flag provided but not defined", "unknown option", "unexpected argument",
                "error verifying flags", "not supported", "couldn't find local name",
            ],
            { .configuration($0) }
        ),
    ]

    package var saysDataIsLost: Bool {
        if case .corruption = self { true } else { false }
    }
}

extension ExitCause: CustomStringConvertible {
    package var description: String {
        words.isEmpty ? summary : "\(summary): \(words)"
    }

    /// Without the process's own words.
    package var summary: String {
        switch self {
        case .clean: "ended by itself"
        case .stopped: "was stopped"
        case .configuration: "refused its configuration"
        case .binaryMissing: "could not be executed"
        case .portInUse: "could not listen"
        case .dataLocked: "found its data in use"
        case .outOfMemory: "ran out of memory"
        case .noSpace: "ran out of disk space"
        case .corruption: "found its data corrupt"
        case .diskFailure: "could not use its disk"
        case .refused: "refused to run"
        case .signal(let number): "was ended by signal \(number)"
        case .failed(let code, _):
            code < 0 ? "could not be started" : "failed with exit code \(code)"
        case .unseen: "ended while no operator was its parent"
        }
    }

    private var words: String {
        switch self {
        case .clean, .stopped, .signal, .unseen: ""
        case .configuration(let words), .binaryMissing(let words), .portInUse(let words),
            .dataLocked(let words), .outOfMemory(let words), .noSpace(let words),
            .corruption(let words), .diskFailure(let words), .refused(let words),
            .failed(_, let words):
            words
        }
    }
}
