import Crypto
import Glibc
import Planning
package import Storage
import Synchronization

/// Where member programs come from.
package protocol ProgramStore: Sendable {
    /// Where the embedded member is, whether it exists or not.
    var embeddedPath: String { get }

    /// A copy of a program that stays as it is.
    func pin(_ source: String) throws(OperatorError) -> MemberProgram.Pinned

    /// The path of a copy that was made once, whole; made again when it was lost or damaged and
    /// the source is still the same program.
    func path(of pinned: MemberProgram.Pinned, from source: String) throws(OperatorError) -> String
}

/// Finds member programs and pins them: members run the operator's own copy, so that a new version
/// of the package does not change what a restart starts (safety rule 35).
package final class MemberProgram: ProgramStore {
    /// A copy below `<state-dir>/bin`.
    package struct Pinned: Hashable, Sendable {
        /// The path below `bin`: `etcd-member-0123456789abcdef/etcd-member`.
        package let program: String
        /// Lower-case hexadecimal.
        package let sha256: String

        package init(program: String, sha256: String) {
            self.program = program
            self.sha256 = sha256
        }
    }

    private let folder: String
    private let disk: any Disk
    /// Where the embedded member is, whether it exists or not.
    package let embeddedPath: String
    /// The hashes of files by what they were then. Held while a copy is made: clusters pin side by
    /// side.
    private let known = Mutex<[File: String]>([:])

    private struct File: Hashable {
        let path: String
        let status: FileStatus
    }

    /// - Parameter embedded: The embedded member; nil: `etcd-member` beside this program.
    package init(folder: String, embedded: String?, on disk: any Disk) {
        self.folder = folder
        // Asked now: later a new version may have taken the place of this program.
        embeddedPath =
            embedded.map(absolutePath)
            ?? (programPath(of: "self") ?? "/proc/self/exe").parent + "/etcd-member"
        self.disk = disk
    }

    /// Copies the program unless that was done before.
    package func pin(_ source: String) throws(OperatorError) -> Pinned {
        guard unsafe access(source, X_OK) == 0 else {
            throw OperatorError(
                .binaryMissing,
                "the member's program cannot be executed: \(systemMessage(errno))",
                at: source,
                remedy: source.hasSuffix("/etcd-member")
                    ? "build it, or name it with --member-binary"
                    : "install it, or correct spec.engine.etcd.binary"
            )
        }
        do throws(DiskError) {
            return try known.withLock { known throws(DiskError) in
                guard let status = try disk.status(source), !status.isDirectory else {
                    throw DiskError(.other, "execute", source, reason: "it is a directory")
                }
                let pinned = place(try sum(source, status, &known), source)
                return try isWhole(pinned, &known) ? pinned : try copy(source, status, &known)
            }
        } catch {
            throw OperatorError(state: error)
        }
    }

    package func path(of pinned: Pinned, from source: String) throws(OperatorError) -> String {
        let path = "\(folder)/\(pinned.program)"
        do throws(DiskError) {
            let isThere = try known.withLock { known throws(DiskError) in
                if try isWhole(pinned, &known) { return true }
                guard let status = try disk.status(source), !status.isDirectory,
                    try sum(source, status, &known) == pinned.sha256
                else { return false }
                return try copy(source, status, &known) == pinned
            }
            if isThere { return path }
        } catch {
            throw OperatorError(state: error)
        }
        throw OperatorError(
            .binaryMissing,
            "the copy of the member's program is lost or damaged, and \(source) is not that "
                + "program any more",
            at: path,
            remedy: "put the program with SHA-256 \(pinned.sha256) there"
        )
    }

    private func place(_ sum: String, _ source: String) -> Pinned {
        let name = source.lastComponent
        return Pinned(program: "\(name)-\(sum.prefix(16))/\(name)", sha256: sum)
    }

    private func isWhole(_ pinned: Pinned, _ known: inout [File: String]) throws(DiskError) -> Bool
    {
        let path = "\(folder)/\(pinned.program)"
        guard let status = try disk.status(path), !status.isDirectory else { return false }
        return try sum(path, status, &known) == pinned.sha256
    }

    /// The copy is named by its own hash, never by that of a source that may change meanwhile.
    private func copy(
        _ source: String,
        _ status: FileStatus,
        _ known: inout [File: String]
    ) throws(DiskError) -> Pinned {
        try disk.createDirectory(folder)
        let temporary = "\(folder)/\(source.lastComponent).tmp"
        if try disk.status(temporary) != nil { try disk.remove(temporary) }
        let from = try disk.open(source, .read)
        defer { from.close() }
        let to = try disk.open(temporary, .create, permissions: 0o755)
        defer { to.close() }
        try to.fill(from: from)
        try to.sync()
        // A program that is open for writing cannot be executed.
        to.close()
        guard try disk.status(source) == status else {
            throw DiskError(.other, "copy", source, reason: "it changed meanwhile")
        }
        let pinned = place(try sha256(temporary), source)
        let path = "\(folder)/\(pinned.program)"
        try disk.createDirectory(path.parent)
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(path.parent)
        if let status = try disk.status(path) {
            known[File(path: path, status: status)] = pinned.sha256
        }
        return pinned
    }

    private func sum(
        _ path: String,
        _ status: FileStatus,
        _ known: inout [File: String]
    ) throws(DiskError) -> String {
        let file = File(path: path, status: status)
        if let sum = known[file] { return sum }
        let sum = try sha256(path)
        known[file] = sum
        return sum
    }

    private func sha256(_ path: String) throws(DiskError) -> String {
        let file = try disk.open(path, .read)
        defer { file.close() }
        var hasher = SHA256()
        var offset: Int64 = 0
        while true {
            let piece = try file.read(at: offset, count: 1 << 20)
            if piece.isEmpty { break }
            hasher.update(data: piece)
            offset += Int64(piece.count)
        }
        return hasher.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined()
    }
}
