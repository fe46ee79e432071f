import Glibc
import Planning
import Storage

/// What `/proc` tells of one process. Id and start time together name a process for ever (until
/// the machine starts anew, when all are gone).
struct ProcessFacts: Hashable, Sendable {
    let id: Int32
    /// Clock ticks since the machine started.
    let startTicks: UInt64
    /// It has ended and only its exit status is left.
    let isZombie: Bool
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

/// The machine's processes, read from `/proc`, and which of them are members of one state
/// directory.
///
/// Paths on a command line are words of another process: it may see another file system (a
/// container), or the directory may have been moved since. So a member is known by what its paths
/// lead to, as it sees them: the device and inode of the data directory, or of a folder above it,
/// and of its program.
struct ProcessTable: Sendable {
    private let root = "/proc"
    /// The folder of all clusters, without symbolic links.
    private let clusters: String
    /// The folder of the pinned programs.
    private let programs: String

    init(stateDirectory: String) {
        clusters = stateDirectory + "/clusters"
        programs = stateDirectory + "/bin"
    }

    /// All processes that do not vanish while we look.
    private func all() throws(OperatorError) -> [ProcessFacts] {
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

    /// The processes that use a data directory below the state directory, by that directory.
    func users() throws(OperatorError) -> [String: [ProcessFacts]] {
        var found: [String: [ProcessFacts]] = [:]
        let place = DataPlace(clusters: clusters)
        for process in try all() where !process.isZombie {
            guard let text = process.argument("data-dir"), !text.isEmpty else { continue }
            let seen = path(text, of: process.id)
            if let data = place.data(seen, below: "\(root)/\(process.id)/root") {
                found[data, default: []].append(process)
            }
        }
        return found
    }

    /// The process runs one of the programs of this state directory.
    func runsOurProgram(_ id: Int32) -> Bool {
        let link = "\(root)/\(id)/exe"
        guard let program = FileIdentity(of: link) else { return false }
        let copies = fileNames(programs).flatMap { folder in
            fileNames("\(programs)/\(folder)").map { "\(programs)/\(folder)/\($0)" }
        }
        if copies.contains(where: { FileIdentity(of: $0) == program }) { return true }
        // A copy that was removed has no path to compare; then its former one must do, which the
        // kernel keeps up to date, for a process that sees the same file system.
        let own = linkTarget("\(root)/self/ns/mnt")
        guard let text = linkTarget(link), text.hasSuffix(" (deleted)"), own != nil else {
            return false
        }
        return text.hasPrefix(programs + "/") && linkTarget("\(root)/\(id)/ns/mnt") == own
    }

    /// The process still runs its program. One that is ending has given up its memory, and with it
    /// its command line, before it is a zombie.
    func isAlive(_ process: ProcessFacts) -> Bool {
        guard let now = facts(process.id) else { return false }
        return now.startTicks == process.startTicks && !now.isZombie && !now.arguments.isEmpty
    }

    /// The program's file, for messages.
    func program(_ process: ProcessFacts) -> String {
        linkTarget("\(root)/\(process.id)/exe") ?? process.arguments.first ?? "?"
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
            arguments: command.split(separator: 0, omittingEmptySubsequences: false).dropLast()
                .map { String(decoding: $0, as: UTF8.self) },
            userID: known ? info.st_uid : nil
        )
    }

    /// A path on a process's command line, from that process's root.
    private func path(_ text: String, of id: Int32) -> String {
        if text.hasPrefix("/") { return text }
        return "\(linkTarget("\(root)/\(id)/cwd") ?? "")/\(text)"
    }

    private func fileNames(_ folder: String) -> [String] {
        // What cannot be listed holds no program that could be compared.
        (try? FileDisk().list(folder)) ?? []
    }
}

/// Finds the data directory below one folder of clusters that a path means.
private struct DataPlace {
    private let clusters: String
    private let identity: FileIdentity?
    /// The data directories that are reached otherwise, when some folder is a symbolic link.
    private let known: [FileIdentity: String]

    init(clusters: String) {
        self.clusters = clusters
        identity = FileIdentity(of: clusters)
        var known: [FileIdentity: String] = [:]
        // What cannot be listed cannot be found this way; its path is compared all the same.
        func folders(_ path: String) -> [String] {
            ((try? FileDisk().list(path)) ?? []).map { "\(path)/\($0)" }
        }
        for cluster in folders(clusters).flatMap(folders) {
            for member in folders(cluster + "/members") {
                if let identity = FileIdentity(of: member + "/data") {
                    known[identity] = member + "/data"
                }
            }
        }
        self.known = known
    }

    /// The directory as we name it; nil when it is none of ours.
    ///
    /// - Parameter view: Through which the process's files are seen.
    func data(_ path: String, below view: String) -> String? {
        var names: [Substring] = []
        for name in path.split(separator: "/") where name != "." {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        guard FileIdentity(of: view) != nil else {
            // It may not be looked into: its words are all there is, and it is not ours.
            let text = "/" + names.joined(separator: "/")
            return text.hasPrefix(clusters + "/") ? text : nil
        }
        let full = "\(view)/\(names.joined(separator: "/"))"
        if let identity = FileIdentity(of: full), let data = known[identity] { return data }
        // The directory itself may have been removed under its process.
        for count in stride(from: names.count - 1, to: 0, by: -1) {
            let above = "\(view)/\(names[..<count].joined(separator: "/"))"
            guard let found = FileIdentity(of: above), found == identity else { continue }
            return "\(clusters)/\(names[count...].joined(separator: "/"))"
        }
        return nil
    }
}

extension FileIdentity {
    /// What a path leads to, links followed; nil when that cannot be told.
    init?(of path: String) {
        var info = stat()
        guard unsafe stat(path, &info) == 0 else { return nil }
        self.init(device: UInt64(info.st_dev), inode: UInt64(info.st_ino))
    }
}
