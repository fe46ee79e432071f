import Glibc
import Storage

/// What `/proc` tells of one process. Id and start time together name a process for ever (until
/// the machine starts anew, when all are gone).
struct ProcessFacts: Hashable, Sendable {
    let id: Int32
    /// Clock ticks since the machine started.
    let startTicks: UInt64
    /// It has ended and only its exit status is left.
    let isZombie: Bool
    /// The program's file; nil when we may not know.
    let executable: String?
    let arguments: [String]
    let userID: UInt32?

    /// The value of a `--name=value` or `--name value` argument; the last one counts.
    func argument(_ name: String) -> String? {
        var value: String?
        for (index, text) in arguments.enumerated() {
            let bare = text.drop { $0 == "-" }
            guard bare.count < text.count, text.count - bare.count <= 2 else { continue }
            if bare.hasPrefix("\(name)=") {
                value = String(bare.dropFirst(name.count + 1))
            } else if bare == name, index + 1 < arguments.count {
                value = arguments[index + 1]
            }
        }
        return value
    }
}

/// The machine's processes, read from `/proc`.
struct ProcessTable: Sendable {
    private let root = "/proc"

    /// All processes that do not vanish while we look.
    func all() throws(OperatorError) -> [ProcessFacts] {
        let found: [ProcessFacts]
        do throws(DiskError) {
            found = try FileDisk().list(root).compactMap { Int32($0) }.sorted().compactMap(facts)
        } catch {
            throw OperatorError(
                .process,
                "the processes of this machine cannot be listed: \(error.reason)",
                at: root,
                remedy: "mount /proc"
            )
        }
        // A list without ourselves is not to be believed: members could be missing from it too.
        guard found.contains(where: { $0.id == getpid() }) else {
            throw OperatorError(
                .process,
                "the list of this machine's processes is incomplete",
                at: root,
                remedy: "mount /proc without hidepid, for this process namespace"
            )
        }
        return found
    }

    /// The processes whose `--data-dir` lies below a directory, by data directory.
    func users(of directory: String) throws(OperatorError) -> [String: [ProcessFacts]] {
        var found: [String: [ProcessFacts]] = [:]
        for process in try all() where !process.isZombie {
            guard let data = process.argument("data-dir"), data.hasPrefix(directory + "/") else {
                continue
            }
            found[data, default: []].append(process)
        }
        return found
    }

    /// Nil when there is no such process.
    func facts(_ id: Int32) -> ProcessFacts? {
        guard let line = ProcFile.text("\(root)/\(id)/stat"), let close = line.lastIndex(of: ")")
        else {
            return nil
        }
        // After the name, which may contain anything, come the state and, 19 further, the start.
        let fields = line[line.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
        let command = ProcFile.read("\(root)/\(id)/cmdline") ?? []
        var info = stat()
        let known = unsafe stat("\(root)/\(id)", &info) == 0
        return ProcessFacts(
            id: id,
            startTicks: start,
            isZombie: fields[0] == "Z" || fields[0] == "X",
            executable: executable(id),
            arguments: command.split(separator: 0, omittingEmptySubsequences: false).dropLast()
                .map { String(decoding: $0, as: UTF8.self) },
            userID: known ? info.st_uid : nil
        )
    }

    private func executable(_ id: Int32) -> String? {
        guard let path = linkTarget("\(root)/\(id)/exe") else { return nil }
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }
}
