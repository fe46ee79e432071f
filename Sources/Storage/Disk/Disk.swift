/// The file system as the rest of the package sees it. `FileDisk` is the real one; `MemoryDisk` can
/// lose power. Paths are absolute. A change of a directory (a new name, a rename, a removal) is
/// durable only after `syncDirectory`.
package protocol Disk: Sendable {
    /// Makes the directory and the missing ones above it (mode 0700), each durable.
    /// Not an error when it is there.
    func createDirectory(_ path: String) throws(DiskError)

    /// The names in a directory, sorted by their bytes.
    func list(_ directory: String) throws(DiskError) -> [String]

    /// What is at the path, following symbolic links; nil when nothing is there.
    func status(_ path: String) throws(DiskError) -> FileStatus?

    /// Opens a file; `permissions` matter only when it is made.
    func open(
        _ path: String,
        _ mode: OpenMode,
        permissions: UInt16
    ) throws(DiskError) -> any DiskFile

    /// Gives a file or directory another name, replacing a file that has it.
    func rename(_ from: String, to: String) throws(DiskError)

    /// Removes a file or an empty directory.
    func remove(_ path: String) throws(DiskError)

    /// Makes the names in the directory durable.
    func syncDirectory(_ path: String) throws(DiskError)

    /// Takes the exclusive lock of the file at `path`, making the file when it is absent; throws
    /// `.locked` at once when somebody holds it. Held until released or the process ends.
    func lock(_ path: String) throws(DiskError) -> any DiskLock

    /// Bytes that this user may still write on the file system that holds `path`.
    func freeSpace(_ path: String) throws(DiskError) -> Int64
}

/// An open file.
package protocol DiskFile: AnyObject, Sendable {
    var path: String { get }

    /// Up to `count` bytes from `offset`; fewer only at the end of the file.
    func read(at offset: Int64, count: Int) throws(DiskError) -> [UInt8]

    /// Writes all bytes at `offset`, growing the file when needed. Not durable before `sync`.
    func write(_ bytes: RawSpan, at offset: Int64) throws(DiskError)

    /// Makes content and size durable (fdatasync). After a failure nothing can be assumed about
    /// anything written since the last success.
    func sync() throws(DiskError)

    /// Cuts or extends (with zeros) to `size` bytes.
    func truncate(to size: Int64) throws(DiskError)

    func size() throws(DiskError) -> Int64

    /// Closes without syncing; further use throws. Closing twice is fine.
    func close()
}

/// A lock held; released by `release` or with the last reference.
package protocol DiskLock: AnyObject, Sendable {
    func release()
}

/// How a file is opened. Every mode but `.read` reads and writes.
package enum OpenMode: Hashable, Sendable {
    case read
    /// Must exist.
    case write
    /// Must not exist.
    case create
    case createOrOpen
}

/// What is at a path.
package struct FileStatus: Hashable, Sendable {
    package let size: Int64
    package let isDirectory: Bool
    /// Device and inode together tell a file from one that took its name (and a directory from an
    /// unmounted one).
    package let device: UInt64
    package let inode: UInt64
    /// Last change of the content, in nanoseconds since 1970.
    package let modified: Int64

    package init(size: Int64, isDirectory: Bool, device: UInt64, inode: UInt64, modified: Int64) {
        self.size = size
        self.isDirectory = isDirectory
        self.device = device
        self.inode = inode
        self.modified = modified
    }
}

extension DiskFile {
    package func write(_ bytes: [UInt8], at offset: Int64) throws(DiskError) {
        try write(unsafe bytes.span.bytes, at: offset)
    }
}

extension Disk {
    /// Opens with mode 0600 for a file that is made.
    package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        try open(path, mode, permissions: 0o600)
    }
}
