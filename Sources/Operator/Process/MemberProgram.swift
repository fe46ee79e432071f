import CLinux
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
}

/// Finds member programs and pins them: members run the operator's own copy, so that a new version
/// of the package does not change what a restart starts (safety rule 35).
package final class MemberProgram: ProgramStore {
    /// A copy below `<state-dir>/bin`.
    package struct Pinned: Hashable, Sendable {
        package let path: String
        /// Lower-case hexadecimal.
        package let sha256: String

        package init(path: String, sha256: String) {
            self.path = path
            self.sha256 = sha256
        }
    }

    private let folder: String
    private let disk: any Disk
    private let embedded: String?
    /// What has been pinned in this run, by the file as it was then.
    private let known = Mutex<[FileIdentity: Pinned]>([:])

    private struct FileIdentity: Hashable {
        let path: String
        let status: FileStatus
    }

    /// - Parameter embedded: The embedded member; nil: `etcd-member` beside this program.
    package init(folder: String, embedded: String?, on disk: any Disk) {
        self.folder = folder
        self.embedded = embedded
        self.disk = disk
    }

    /// Where the embedded member is, whether it exists or not.
    package var embeddedPath: String {
        if let embedded { return absolutePath(embedded) }
        let own = realPath("/proc/self/exe") ?? "/proc/self/exe"
        return own.parent + "/etcd-member"
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
            guard let status = try disk.status(source), !status.isDirectory else {
                throw DiskError(.other, "execute", source, reason: "it is a directory")
            }
            let identity = FileIdentity(path: source, status: status)
            if let pinned = known.withLock({ $0[identity] }), try disk.status(pinned.path) != nil {
                return pinned
            }
            let pinned = try copy(source)
            known.withLock { $0[identity] = pinned }
            return pinned
        } catch {
            throw OperatorError(state: error)
        }
    }

    private func copy(_ source: String) throws(DiskError) -> Pinned {
        let sum = try sha256(source)
        let name = source.split(separator: "/").last.map(String.init) ?? "member"
        let target = "\(folder)/\(name)-\(sum.prefix(16))"
        let path = "\(target)/\(name)"
        if try disk.status(path) != nil {
            guard try sha256(path) != sum else { return Pinned(path: path, sha256: sum) }
        }
        try disk.createDirectory(target)
        let temporary = path + ".tmp"
        if try disk.status(temporary) != nil { try disk.remove(temporary) }
        let from = try disk.open(source, .read)
        defer { from.close() }
        let to = try disk.open(temporary, .create, permissions: 0o755)
        var offset: Int64 = 0
        while true {
            let chunk = try from.read(at: offset, count: 1 << 20)
            if chunk.isEmpty { break }
            try to.write(chunk, at: offset)
            offset += Int64(chunk.count)
        }
        try to.sync()
        // A program that is open for writing cannot be executed.
        to.close()
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(target)
        return Pinned(path: path, sha256: sum)
    }

    private func sha256(_ path: String) throws(DiskError) -> String {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskError(errno: errno, "open", path) }
        defer { close(descriptor) }
        var digest = [UInt8](repeating: 0, count: 32)
        let result = unsafe clinux_sha256(descriptor, &digest)
        guard result == 0 else { throw DiskError(errno: -result, "read", path) }
        return digest.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined()
    }
}
