import Glibc
package import Storage

/// A member's standard output and error in a file of bounded size.
///
/// At each start the file moves to `.1`, `.1` to `.2` and so on, so that a file holds one run.
/// While the member runs it holds the descriptor, so a file that grew too large is copied to `.1`
/// and then cut to nothing; the member writes in append mode and goes on at the new end. What it
/// writes between the last read and the cut, some microseconds, is lost; a log may lose that.
package struct MemberLog {
    package let path: String
    private let disk: any Disk
    private let maxBytes: Int64
    private let kept = 4

    /// - Parameter maxBytes: The size at which a running member's file is cut.
    package init(path: String, disk: any Disk, maxBytes: Int64 = 16 << 20) {
        self.path = path
        self.disk = disk
        self.maxBytes = maxBytes
    }

    /// Moves the files of earlier runs and opens a new one; the caller closes the descriptor.
    package func start() throws(OperatorError) -> Int32 {
        do throws(DiskError) {
            try disk.createDirectory(path.parent)
            try shift()
            if try disk.status(path) != nil { try disk.rename(path, to: path + ".1") }
        } catch {
            throw OperatorError(state: error)
        }
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
        let descriptor = unsafe Glibc.open(path, flags, mode_t(0o600))
        guard descriptor >= 0 else {
            throw OperatorError(state: DiskError(errno: errno, "open", path))
        }
        return descriptor
    }

    /// Makes room when the running member's file has grown too large.
    package func trim() throws(OperatorError) {
        do throws(DiskError) {
            guard let status = try disk.status(path), status.size > maxBytes else { return }
            try shift()
            let source = try disk.open(path, .write)
            defer { source.close() }
            do throws(DiskError) {
                try copy(source, to: path + ".1")
            } catch {
                guard error.kind == .noSpace else { throw error }
                // The space is worth more than the words.
                try disk.remove(path + ".1")
            }
            try source.truncate(to: 0)
        } catch {
            throw OperatorError(state: error)
        }
    }

    private func copy(_ source: any DiskFile, to path: String) throws(DiskError) {
        let copy = try disk.open(path, .create)
        defer { copy.close() }
        try copy.fill(from: source)
    }

    /// The end of the file; empty when it cannot be read. As much as the stacks that follow what a
    /// program in Go says last.
    func tail(bytes: Int = 64 << 10) -> String {
        guard let file = try? disk.open(path, .read) else { return "" }
        defer { file.close() }
        guard let size = try? file.size(),
            let end = try? file.read(at: max(0, size - Int64(bytes)), count: bytes)
        else { return "" }
        return String(decoding: end, as: UTF8.self)
    }

    /// Frees the name `.1`; the oldest file goes.
    private func shift() throws(DiskError) {
        let oldest = "\(path).\(kept)"
        if try disk.status(oldest) != nil { try disk.remove(oldest) }
        for number in stride(from: kept - 1, through: 1, by: -1) {
            let name = "\(path).\(number)"
            if try disk.status(name) != nil { try disk.rename(name, to: "\(path).\(number + 1)") }
        }
    }
}
