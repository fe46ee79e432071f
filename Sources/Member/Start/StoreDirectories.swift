package import Keyspace
package import Raft
package import Storage

/// Where a member's keyspace is, with a place beside it for the rows of a snapshot. Each is a
/// directory that a backend fills:
///
///     store             what the member serves from
///     store.incoming    rows of a snapshot, of no meaning until the log has a marker for them
///     store.replaced    the former `store`, while `store.incoming` takes its place
///
/// The three names make the exchange safe: `store` is renamed away only when `store.incoming` is
/// complete, so when it is missing, `store.incoming` is it. After a crash in the exchange there is
/// the one or the other, and `prepared` still answers for what is not adopted.
package struct StoreDirectories: Sendable {
    /// Opens the rows in an existing directory, or makes them, empty.
    package typealias Opener =
        @Sendable (_ directory: String) throws(BackendError) -> any Backend

    private let current: String
    private let incoming: String
    private let replaced: String
    private let parent: String
    private let disk: any Disk
    private let opener: Opener

    /// - Parameter parent: the directory that has or will have them; it exists.
    package init(in parent: String, on disk: any Disk, opener: @escaping Opener) {
        self.parent = parent
        current = parent + "/store"
        incoming = parent + "/store.incoming"
        replaced = parent + "/store.replaced"
        self.disk = disk
        self.opener = opener
    }

    /// Opens the current rows, or makes them, empty.
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

    /// Loads a snapshot's rows from a file beside the current ones; what was there before is gone.
    /// The rows are durable when this returns, and they are what the message says.
    package func prepare(_ file: any DiskFile, as expected: Snapshot) throws(SnapshotError) {
        let rows: any Backend
        do throws(StartError) {
            rows = try prepare()
        } catch {
            throw .store(error)
        }
        defer { rows.close() }
        let found = try SnapshotFile.load(file, into: rows)
        guard found.consistentIndex == expected.index else {
            throw .otherIndex(file: found.consistentIndex, message: expected.index)
        }
    }

    /// Opens an empty place for a snapshot's rows; what was prepared before is gone.
    package func prepare() throws(StartError) -> any Backend {
        try discard()
        try onDisk { () throws(DiskError) in try disk.createDirectory(incoming) }
        return try open(incoming)
    }

    /// The consistent index of the prepared rows; nil when there are none, or not all.
    package func prepared() throws(StartError) -> LogIndex? {
        let isThere = try onDisk { () throws(DiskError) in try disk.status(incoming) != nil }
        guard isThere else { return nil }
        let backend = try open(incoming)
        defer { backend.close() }
        let index = try backend.consistentIndex()
        return index == .zero ? nil : index
    }

    /// Puts the prepared rows in the place of the current ones, which must not be open. Durable.
    package func adopt() throws(StartError) {
        try onDisk { () throws(DiskError) in
            try disk.rename(current, to: replaced)
            try disk.syncDirectory(parent)
            try takeOver()
        }
    }

    /// Removes what is prepared.
    package func discard() throws(StartError) {
        try onDisk { () throws(DiskError) in try disk.removeAll(incoming) }
    }

    private func takeOver() throws(DiskError) {
        try disk.rename(incoming, to: current)
        try disk.syncDirectory(parent)
    }

    /// A backend makes its rows durable, but not the names of its files.
    private func open(_ directory: String) throws(StartError) -> any Backend {
        let backend: any Backend
        do {
            backend = try opener(directory)
        } catch {
            throw .backend(error)
        }
        do throws(DiskError) {
            try disk.syncDirectory(directory)
            return backend
        } catch {
            backend.close()
            throw .disk(error)
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

extension Backend {
    /// The last entry whose effect is in these rows; 0 when nothing ever was.
    package func consistentIndex() throws(StartError) -> LogIndex {
        let bytes: [UInt8]?
        do {
            bytes = try get(.meta, MetaKey.consistentIndex)
        } catch {
            throw .backend(error)
        }
        guard let bytes else { return .zero }
        guard bytes.count == 8 else {
            throw .badRecord(
                bucket: Bucket.meta.rawValue,
                key: "consistent_index",
                reason: "it has \(bytes.count) bytes instead of 8"
            )
        }
        return LogIndex(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
}
