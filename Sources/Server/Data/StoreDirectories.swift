package import Keyspace
package import Member
package import Raft
package import Storage

/// A member's keyspaces, each LMDB in a directory of its own:
///
///     store             what the member serves from
///     store.incoming    rows of a snapshot, to become `store` when the log says so
///     store.replaced    the former `store`, while `store.incoming` takes its place
///
/// The three names make the exchange safe: `store` is renamed away only when `store.incoming` is
/// complete, so when it is missing, `store.incoming` is it.
package struct StoreDirectories: KeyspaceStore {
    private let current: String
    private let incoming: String
    private let replaced: String
    private let parent: String
    private let disk: any Disk
    private let mapSize: Int

    /// - Parameter parent: the directory that has or will have them; it exists.
    package init(in parent: String, on disk: any Disk, mapSize: Int) {
        self.parent = parent
        current = parent + "/store"
        incoming = parent + "/store.incoming"
        replaced = parent + "/store.replaced"
        self.disk = disk
        self.mapSize = mapSize
    }

    package func open() throws(StartError) -> any Backend {
        try onDisk { () throws(DiskError) in
            if try disk.status(current) == nil, try disk.status(replaced) != nil {
                try takeOver()
            }
            try disk.removeAll(replaced)
            try disk.createDirectory(current)
        }
        return try open(current)
    }

    package func prepare() throws(StartError) -> any Backend {
        try discard()
        try onDisk { () throws(DiskError) in try disk.createDirectory(incoming) }
        return try open(incoming)
    }

    package func prepared() throws(StartError) -> LogIndex? {
        let isThere = try onDisk { () throws(DiskError) in try disk.status(incoming) != nil }
        guard isThere else { return nil }
        let backend = try open(incoming)
        defer { backend.close() }
        let index = try backend.consistentIndex()
        return index == .zero ? nil : index
    }

    package func adopt() throws(StartError) {
        try onDisk { () throws(DiskError) in
            try disk.rename(current, to: replaced)
            try disk.syncDirectory(parent)
            try takeOver()
        }
    }

    package func discard() throws(StartError) {
        try onDisk { () throws(DiskError) in try disk.removeAll(incoming) }
    }

    private func takeOver() throws(DiskError) {
        try disk.rename(incoming, to: current)
        try disk.syncDirectory(parent)
    }

    private func open(_ directory: String) throws(StartError) -> any Backend {
        do {
            return try LMDBBackend(directory: directory, mapSize: mapSize)
        } catch {
            throw .backend(error)
        }
    }

    private func onDisk<Result>(
        _ body: () throws(DiskError) -> Result
    ) throws(StartError) -> Result {
        do {
            return try body()
        } catch {
            throw .disk(error)
        }
    }
}
