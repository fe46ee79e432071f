/// The files and directories of a `MemoryDisk`, as they are and as they would be without power.
struct MemoryTree {
    /// A change of names that survives a power loss whole or not at all.
    struct NameChange {
        /// Directory, name, and the node it stands for from then on (nil: nothing).
        let assignments: [(directory: Int, name: String, node: Int?)]
    }

    /// A change of a file that was not synced.
    enum FileChange {
        case write(at: Int, bytes: [UInt8])
        case truncate(to: Int)
    }

    struct Node {
        let isDirectory: Bool
        var content: [UInt8] = []
        var durableContent: [UInt8] = []
        var changes: [FileChange] = []
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        var modified: Int64 = 0
    }

    static let root = 1

    var nodes: [Node?] = [nil, Node(isDirectory: true)]
    /// Changes of names that were not synced, in order.
    var nameChanges: [NameChange] = []
    var syncs = 0
    var syncsLeft: Int?
    var syncsUntilFailure: Int?
    var isCrashed = false
    var capacity: Int64
    private var used: Int64 = 0
    private var clock: Int64 = 0
    private var locked: Set<Int> = []

    init(syncsLeft: Int?, capacity: Int64) {
        self.syncsLeft = syncsLeft
        self.capacity = capacity
    }

    /// Counts the bytes in use afresh, from the names that are left.
    mutating func recountUse() {
        var waiting = [Self.root]
        used = 0
        while let number = waiting.popLast(), let node = nodes[number] {
            used += Int64(node.content.count)
            waiting += node.names.map(\.value)
        }
    }

    var freeBytes: Int64 { max(0, capacity - used) }

    func find(_ path: String) -> Int? {
        var node = Self.root
        for name in path.split(separator: "/") {
            guard let next = nodes[node]?.names[String(name)] else { return nil }
            node = next
        }
        return node
    }

    private func directory(_ path: String) throws(DiskError) -> Int {
        guard let node = find(path), nodes[node]?.isDirectory == true else {
            throw DiskError(.notFound, "find directory", path, reason: "no such directory")
        }
        return node
    }

    func names(in path: String) throws(DiskError) -> [String] {
        nodes[try directory(path)]?.names.map(\.key) ?? []
    }

    func status(_ path: String) -> FileStatus? {
        guard let number = find(path), let node = nodes[number] else { return nil }
        return FileStatus(
            size: Int64(node.content.count),
            isDirectory: node.isDirectory,
            device: 1,
            inode: UInt64(number),
            modified: node.modified
        )
    }

    mutating func makeDirectory(_ path: String) throws(DiskError) {
        try add(Node(isDirectory: true), at: path)
    }

    mutating func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> Int {
        if let node = find(path) {
            guard mode != .create, nodes[node]?.isDirectory == false else {
                throw DiskError(.alreadyExists, "open", path, reason: "exists, or is a directory")
            }
            return node
        }
        guard mode == .create || mode == .createOrOpen else {
            throw DiskError(.notFound, "open", path, reason: "no such file")
        }
        return try add(Node(isDirectory: false), at: path)
    }

    @discardableResult
    private mutating func add(_ node: Node, at path: String) throws(DiskError) -> Int {
        let parent = try directory(Path.parent(of: path))
        nodes.append(node)
        let number = nodes.count - 1
        change([(parent, Path.name(of: path), number)])
        touch(number)
        return number
    }

    mutating func rename(_ from: String, to: String) throws(DiskError) {
        let oldParent = try directory(Path.parent(of: from))
        let newParent = try directory(Path.parent(of: to))
        guard let node = find(from) else {
            throw DiskError(.notFound, "rename to \(to)", from, reason: "no such file")
        }
        if let other = find(to) {
            guard other != node else { return }
            guard nodes[other]?.isDirectory == nodes[node]?.isDirectory,
                nodes[other]?.names.isEmpty == true
            else {
                throw DiskError(.alreadyExists, "rename to \(to)", from, reason: "in the way")
            }
        }
        change([
            (oldParent, Path.name(of: from), nil), (newParent, Path.name(of: to), node),
        ])
    }

    mutating func remove(_ path: String) throws(DiskError) {
        let parent = try directory(Path.parent(of: path))
        guard let number = find(path), let node = nodes[number] else {
            throw DiskError(.notFound, "remove", path, reason: "no such file")
        }
        guard node.names.isEmpty else {
            throw DiskError(.alreadyExists, "remove", path, reason: "the directory is not empty")
        }
        change([(parent, Path.name(of: path), nil)])
        used -= Int64(node.content.count)
    }

    private mutating func change(_ assignments: [(directory: Int, name: String, node: Int?)]) {
        for (directory, name, node) in assignments {
            nodes[directory]?.names[name] = node
        }
        nameChanges.append(NameChange(assignments: assignments))
    }

    mutating func syncDirectory(_ path: String) throws(DiskError) {
        let directory = try directory(path)
        let isLost = try beginSync("sync directory", path)
        var rest: [NameChange] = []
        for change in nameChanges {
            guard change.assignments.contains(where: { $0.directory == directory }) else {
                rest.append(change)
                continue
            }
            // A file system that cannot write its own structures ends in a way that later syncs
            // do not hide, so a name is not lost by a failed sync, only not yet durable.
            if isLost { rest.append(change) } else { makeDurable(change) }
        }
        nameChanges = rest
        try endSync(isLost, "sync directory", path)
    }

    mutating func makeDurable(_ change: NameChange) {
        for (directory, name, node) in change.assignments {
            nodes[directory]?.durableNames[name] = node
        }
    }

    mutating func lock(_ node: Int, _ path: String) throws(DiskError) {
        guard locked.insert(node).inserted else {
            throw DiskError(.locked, "lock", path, reason: "another process holds the lock")
        }
    }

    mutating func unlock(_ node: Int) {
        locked.remove(node)
    }

    func size(of node: Int) -> Int { nodes[node]?.content.count ?? 0 }

    func read(_ node: Int, at offset: Int, count: Int) -> [UInt8] {
        guard let content = nodes[node]?.content, offset < content.count, count > 0 else {
            return []
        }
        return Array(content[offset..<(offset + min(count, content.count - offset))])
    }

    mutating func write(
        _ node: Int,
        _ bytes: [UInt8],
        at offset: Int,
        _ path: String
    ) throws(DiskError) {
        try grow(node, to: offset + bytes.count, "write", path)
        let change = FileChange.write(at: offset, bytes: bytes)
        nodes[node]?.changes.append(change)
        nodes[node]?.content.apply(change)
        touch(node)
    }

    mutating func truncate(_ node: Int, to size: Int, _ path: String) throws(DiskError) {
        try grow(node, to: size, "truncate", path)
        used -= Int64(max(0, self.size(of: node) - size))
        nodes[node]?.changes.append(.truncate(to: size))
        nodes[node]?.content.apply(.truncate(to: size))
        touch(node)
    }

    private mutating func grow(
        _ node: Int,
        to size: Int,
        _ operation: String,
        _ path: String
    ) throws(DiskError) {
        let more = Int64(max(0, size - self.size(of: node)))
        guard more <= freeBytes else {
            throw DiskError(.noSpace, operation, path, reason: "no space left on the disk")
        }
        used += more
    }

    mutating func sync(_ node: Int, _ path: String) throws(DiskError) {
        let isLost = try beginSync("sync", path)
        if !isLost, let changes = nodes[node]?.changes {
            for change in changes {
                nodes[node]?.durableContent.apply(change)
            }
        }
        nodes[node]?.changes = []
        try endSync(isLost, "sync", path)
    }

    mutating func rot(_ path: String, at offset: Int, bit: Int) throws(DiskError) {
        guard let node = find(path), offset < size(of: node) else {
            throw DiskError(.notFound, "rot", path, reason: "nothing at byte \(offset)")
        }
        let mask = UInt8(1) << UInt8(bit)
        nodes[node]?.content[offset] ^= mask
        if offset < nodes[node]?.durableContent.count ?? 0 {
            nodes[node]?.durableContent[offset] ^= mask
        }
    }

    mutating func overwrite(
        _ path: String,
        at offset: Int,
        with bytes: [UInt8]
    ) throws(DiskError) {
        guard let node = find(path) else {
            throw DiskError(.notFound, "overwrite", path, reason: "no such file")
        }
        nodes[node]?.content.apply(.write(at: offset, bytes: bytes))
        nodes[node]?.durableContent.apply(.write(at: offset, bytes: bytes))
    }

    private mutating func touch(_ node: Int) {
        clock += 1
        nodes[node]?.modified = clock
    }

    /// Crashes when the time has come; true when this sync is to fail.
    private mutating func beginSync(
        _ operation: String,
        _ path: String
    ) throws(DiskError) -> Bool {
        if let left = syncsLeft {
            guard left > 0 else {
                isCrashed = true
                throw DiskError(.crashed, operation, path, reason: "the power failed")
            }
            syncsLeft = left - 1
        }
        syncs += 1
        guard let count = syncsUntilFailure else { return false }
        syncsUntilFailure = count == 0 ? nil : count - 1
        return count == 0
    }

    private func endSync(
        _ isLost: Bool,
        _ operation: String,
        _ path: String
    ) throws(DiskError) {
        if isLost {
            throw DiskError(.ioFailure, operation, path, reason: "input/output error")
        }
    }
}

extension [UInt8] {
    mutating func apply(_ change: MemoryTree.FileChange) {
        switch change {
        case .truncate(let size):
            if size < count {
                removeLast(count - size)
            } else {
                append(contentsOf: repeatElement(0, count: size - count))
            }
        case .write(let offset, let bytes):
            if offset + bytes.count > count {
                append(contentsOf: repeatElement(0, count: offset + bytes.count - count))
            }
            replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
    }
}
