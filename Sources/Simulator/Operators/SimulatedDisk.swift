import Chance
import Planning
import Storage

/// The disk as one run of the operator sees it: it may die at any change, and what it looks for may
/// be out of reach.
final class SimulatedDisk: Disk, @unchecked Sendable {  // because one thread drives the world
    private unowned let world: OperatorWorld
    private let run: OperatorRun

    init(_ world: OperatorWorld, _ run: OperatorRun) {
        self.world = world
        self.run = run
    }

    /// Nothing happens on behalf of the dead; the living may die before or after a change.
    fileprivate func reach<Result>(
        _ operation: String,
        _ path: String,
        changes: Bool = false,
        _ body: () throws(DiskError) -> Result
    ) throws(DiskError) -> Result {
        if run.isDead { throw Self.crashed(operation, path) }
        if world.isUnreadable(path) {
            throw DiskError(.ioFailure, operation, path, reason: "input/output error")
        }
        guard changes else { return try body() }
        if world.isFull {
            throw DiskError(.noSpace, operation, path, reason: "no space left on device")
        }
        if world.isHidden(path) {
            throw DiskError(.permissionDenied, operation, path, reason: "read-only file system")
        }
        let isLast = run.changesLeft == 0
        if let left = run.changesLeft { run.changesLeft = left - 1 }
        guard isLast else { return try body() }
        if world.stage.generator.chance(0.5) { _ = try body() }
        world.operatorDies("in \(operation) \(path)")
        throw Self.crashed(operation, path)
    }

    private static func crashed(_ operation: String, _ path: String) -> DiskError {
        DiskError(.crashed, operation, path, reason: "the process is no more")
    }

    func createDirectory(_ path: String) throws(DiskError) {
        try reach("make", path, changes: true) { () throws(DiskError) in
            try world.disk.createDirectory(path)
        }
    }

    func list(_ directory: String) throws(DiskError) -> [String] {
        try reach("list", directory) { () throws(DiskError) in
            world.isHidden(directory) ? [] : try world.disk.list(directory)
        }
    }

    func status(_ path: String) throws(DiskError) -> FileStatus? {
        try reach("look at", path) { () throws(DiskError) in
            guard world.isHidden(path) else { return try world.disk.status(path) }
            // The empty folder on which the lost file system was mounted.
            return path == world.membersFolder
                ? FileStatus(size: 0, isDirectory: true, device: 9, inode: 9, modified: 0) : nil
        }
    }

    func open(
        _ path: String,
        _ mode: OpenMode,
        permissions: UInt16
    ) throws(DiskError) -> any DiskFile {
        let isChange = mode == .create || mode == .createOrOpen
        let file = try reach("open", path, changes: isChange) { () throws(DiskError) in
            if world.isHidden(path) {
                throw DiskError(.notFound, "open", path, reason: "no such file or directory")
            }
            return try world.disk.open(path, mode, permissions: permissions)
        }
        return SimulatedFile(file, self)
    }

    func rename(_ from: String, to: String) throws(DiskError) {
        if world.options.mistake == .deletesTrash, to.contains("/trash/") {
            return try removeAll(from)
        }
        try reach("rename", from, changes: true) { () throws(DiskError) in
            world.checker.moves(from, to: to)
            try world.disk.rename(from, to: to)
            if from == world.root { world.forgetCluster() }
        }
    }

    func remove(_ path: String) throws(DiskError) {
        try reach("remove", path, changes: true) { () throws(DiskError) in
            world.checker.removes(path)
            try world.disk.remove(path)
        }
    }

    func syncDirectory(_ path: String) throws(DiskError) {
        if isForgotten(path) { return }
        try reach("sync", path, changes: true) { () throws(DiskError) in
            try world.disk.syncDirectory(path)
        }
    }

    /// The mistake of that name: the record is written and not synced.
    fileprivate func isForgotten(_ path: String) -> Bool {
        world.options.mistake == .forgetsSync && world.record?.phase == .bootstrapped
            && (path == world.root || path.hasPrefix(world.root + "/cluster.json"))
    }

    func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let isOfState = path == "/state/lock"
        switch world.options.mistake {
        case .sharesDirectory where isOfState, .ignoresLocks where !isOfState: return NoLock()
        default: break
        }
        return try reach("lock", path) { () throws(DiskError) in try world.disk.lock(path) }
    }

    func freeSpace(_ path: String) throws(DiskError) -> Int64 {
        try reach("look at", path) { () throws(DiskError) in
            world.isFull ? 0 : try world.disk.freeSpace(path)
        }
    }
}

/// What somebody believes to hold who does not look.
private final class NoLock: DiskLock {
    func release() {}
}

private final class SimulatedFile: DiskFile, @unchecked Sendable {  // as its disk
    private let file: any DiskFile
    private let disk: SimulatedDisk

    init(_ file: any DiskFile, _ disk: SimulatedDisk) {
        self.file = file
        self.disk = disk
    }

    var path: String { file.path }

    func read(at offset: Int64, count: Int) throws(DiskError) -> [UInt8] {
        try disk.reach("read", path) { () throws(DiskError) in
            try file.read(at: offset, count: count)
        }
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(DiskError) {
        // A span cannot go into a closure.
        try disk.reach("write", path, changes: true) { () throws(DiskError) in }
        try file.write(bytes, at: offset)
    }

    func sync() throws(DiskError) {
        if disk.isForgotten(path) { return }
        try disk.reach("sync", path, changes: true) { () throws(DiskError) in try file.sync() }
    }

    func truncate(to size: Int64) throws(DiskError) {
        try disk.reach("truncate", path, changes: true) { () throws(DiskError) in
            try file.truncate(to: size)
        }
    }

    func size() throws(DiskError) -> Int64 {
        try disk.reach("look at", path) { () throws(DiskError) in try file.size() }
    }

    func close() { file.close() }
}
