/// A disk in memory that loses power.
///
/// What was synced is kept apart from what was written: a file's content is durable after `sync` of
/// the file, its name after `syncDirectory` of the directory that holds it. `afterPowerLoss` is the
/// disk as a machine finds it that lost power now.
package final class MemoryDisk: Disk {
    let tree: Monitor<MemoryTree>
    /// The disk before each change since `recordMoments`; nil when nobody wants it.
    private let before = Monitor<[MemoryTree]?>(nil)

    /// - Parameters:
    ///   - crashAfterSyncs: the power fails when a sync begins after so many were done: it throws
    ///     `.crashed`, and so does everything after it.
    ///   - capacity: bytes of content that fit; writing more throws `.noSpace`.
    package init(crashAfterSyncs: Int? = nil, capacity: Int64 = .max) {
        tree = Monitor(MemoryTree(syncsLeft: crashAfterSyncs, capacity: capacity))
    }

    init(_ tree: MemoryTree) {
        self.tree = Monitor(tree)
    }

    /// Syncs (of files and directories) that were done.
    package var syncs: Int { tree.withLock { $0.syncs } }

    /// Whether the power has failed.
    package var isCrashed: Bool { tree.withLock { $0.isCrashed } }

    /// From now on keeps the disk as it is before each change and each sync.
    package func recordMoments() {
        before.withLock { $0 = [] }
    }

    /// So many changes and syncs were begun since `recordMoments`.
    package var momentCount: Int { before.withLock { $0?.count ?? 0 } }

    /// The disk as it was before each change and sync since `recordMoments`, and as it is now: all
    /// that a process leaves which is killed at some moment. No power is lost yet.
    package var moments: [MemoryDisk] {
        (before.withLock { $0 ?? [] } + [tree.withLock { $0 }]).map { MemoryDisk($0) }
    }

    /// The sync after `count` more fails with `.ioFailure`. As on Linux, what it should have made
    /// durable of a file never will be, although later syncs succeed and reading shows it.
    package func failSync(after count: Int = 0) {
        tree.withLock { $0.syncsUntilFailure = count }
    }

    /// The power fails when a sync begins after `count` more were done.
    package func failPower(afterSyncs count: Int) {
        tree.withLock { $0.syncsLeft = count }
    }

    /// Takes back every failure and limit that is still to come.
    package func heal() {
        tree.withLock { tree in
            tree.syncsLeft = nil
            tree.syncsUntilFailure = nil
            tree.capacity = .max
        }
    }

    /// Bytes that fit from now on.
    package func setCapacity(_ bytes: Int64) {
        tree.withLock { $0.capacity = bytes }
    }

    /// Changes a stored bit of a file, as a failing device does; `bit` is 0...7.
    package func rot(_ path: String, at offset: Int64, bit: Int) throws(DiskError) {
        try access("rot", path) { tree throws(DiskError) in
            try tree.rot(path, at: Int(offset), bit: bit)
        }
    }

    /// Overwrites stored bytes, durable at once, as a failing device does.
    package func overwrite(
        _ path: String,
        at offset: Int64,
        with bytes: [UInt8]
    ) throws(DiskError) {
        try access("overwrite", path) { tree throws(DiskError) in
            try tree.overwrite(path, at: Int(offset), with: bytes)
        }
    }

    package func createDirectory(_ path: String) throws(DiskError) {
        let path = Path.withoutTrailingSlash(path)
        if let status = try status(path) {
            guard status.isDirectory else {
                throw DiskError(.alreadyExists, "create directory", path, reason: "it is a file")
            }
            return
        }
        let parent = Path.parent(of: path)
        try createDirectory(parent)
        try access("create directory", path, changes: true) { tree throws(DiskError) in
            try tree.makeDirectory(path)
        }
        try syncDirectory(parent)
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        try access("list", directory) { tree throws(DiskError) in
            try tree.names(in: directory)
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func status(_ path: String) throws(DiskError) -> FileStatus? {
        try access("inspect", path) { tree throws(DiskError) in tree.status(path) }
    }

    package func open(
        _ path: String,
        _ mode: OpenMode,
        permissions: UInt16
    ) throws(DiskError) -> any DiskFile {
        let isNew = mode != .read && mode != .write
        let node = try access("open", path, changes: isNew) { tree throws(DiskError) in
            try tree.open(path, mode)
        }
        return MemoryFile(self, node, path: path, isWritable: mode != .read)
    }

    package func rename(_ from: String, to: String) throws(DiskError) {
        try access("rename to \(to)", from, changes: true) { tree throws(DiskError) in
            try tree.rename(from, to: to)
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        try access("remove", path, changes: true) { tree throws(DiskError) in
            try tree.remove(path)
        }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        try access("sync directory", path, changes: true) { tree throws(DiskError) in
            try tree.syncDirectory(path)
        }
    }

    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let node = try access("lock", path) { tree throws(DiskError) in
            let node = try tree.open(path, .createOrOpen)
            try tree.lock(node, path)
            return node
        }
        return MemoryLock(self, node)
    }

    package func freeSpace(_ path: String) throws(DiskError) -> Int64 {
        try access("measure", path) { tree throws(DiskError) in tree.freeBytes }
    }

    /// Runs `body` on the tree, unless the power has failed.
    func access<Value>(
        _ operation: String,
        _ path: String,
        changes: Bool = false,
        _ body: (inout MemoryTree) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        let result = tree.withLock { tree -> Result<Value, DiskError> in
            guard !tree.isCrashed else {
                return .failure(DiskError(.crashed, operation, path, reason: "the power failed"))
            }
            if changes {
                before.withLock { $0?.append(tree) }
            }
            return Result { () throws(DiskError) in try body(&tree) }
        }
        return try result.get()
    }
}

/// An open file of a `MemoryDisk`.
private final class MemoryFile: DiskFile {
    let path: String
    private let disk: MemoryDisk
    private let node: Int
    private let isWritable: Bool
    private let isClosed = Monitor(false)

    init(_ disk: MemoryDisk, _ node: Int, path: String, isWritable: Bool) {
        self.disk = disk
        self.node = node
        self.path = path
        self.isWritable = isWritable
    }

    func read(at offset: Int64, count: Int) throws(DiskError) -> [UInt8] {
        try access("read", .read) { tree throws(DiskError) in
            tree.read(node, at: Int(offset), count: count)
        }
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(DiskError) {
        let bytes = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        try access("write", .write) { tree throws(DiskError) in
            try tree.write(node, bytes, at: Int(offset), path)
        }
    }

    func sync() throws(DiskError) {
        try access("sync", .sync) { tree throws(DiskError) in try tree.sync(node, path) }
    }

    func truncate(to size: Int64) throws(DiskError) {
        try access("truncate", .write) { tree throws(DiskError) in
            try tree.truncate(node, to: Int(size), path)
        }
    }

    func size() throws(DiskError) -> Int64 {
        try access("inspect", .read) { tree throws(DiskError) in Int64(tree.size(of: node)) }
    }

    func close() {
        isClosed.withLock { $0 = true }
    }

    private enum Access {
        case read
        case write
        case sync
    }

    private func access<Value>(
        _ operation: String,
        _ kind: Access,
        _ body: (inout MemoryTree) throws(DiskError) -> Value
    ) throws(DiskError) -> Value {
        guard !isClosed.withLock({ $0 }), isWritable || kind != .write else {
            throw DiskError(.other, operation, path, reason: "not open for that")
        }
        return try disk.access(operation, path, changes: kind != .read, body)
    }
}

private final class MemoryLock: DiskLock {
    private let disk: MemoryDisk
    private let node: Int

    init(_ disk: MemoryDisk, _ node: Int) {
        self.disk = disk
        self.node = node
    }

    deinit {
        release()
    }

    func release() {
        disk.tree.withLock { $0.unlock(node) }
    }
}
