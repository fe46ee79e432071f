/// A backend in memory, for tests and the simulator.
///
/// What it holds lives as long as the object, so opening a second keyspace on it is a restart.
/// Everything must happen on one thread: it has no lock.
package final class MemoryBackend: Backend, @unchecked Sendable {  // because one thread owns it
    private var committed: [SortedTable] = Bucket.allCases.map { _ in SortedTable() }
    private var visible: [SortedTable] = Bucket.allCases.map { _ in SortedTable() }
    private var isClosed = false
    private var byteCount = 0
    /// Errors that the next commits throw instead of doing anything.
    package var failures: [BackendError.Kind] = []

    package init() {}

    package func commit(_ batch: WriteBatch) throws(BackendError) {
        try checkOpen("commit")
        if !failures.isEmpty {
            throw error(failures.removeFirst(), "commit", "the failure asked for")
        }
        var tables = committed
        let rows = MemoryBackend.position(.key)
        for record in batch.records {
            let key = record.key.bytes
            if let last = tables[rows].keys.last, !last.precedes(key) {
                throw error(.corrupted, "commit", "revision \(record.key.revision) is not new")
            }
            tables[rows][key] = record.value
        }
        tables[rows].remove(ascending: batch.deletions.map(\.bytes))
        for write in batch.writes {
            guard !write.key.isEmpty else { throw error(.badKey, "commit", "the key is empty") }
            tables[MemoryBackend.position(write.bucket)][write.key] = write.value
        }
        committed = tables
        byteCount += batch.byteCount
    }

    package func get(_ bucket: Bucket, _ key: [UInt8]) throws(BackendError) -> [UInt8]? {
        try checkOpen("get")
        return visible[MemoryBackend.position(bucket)][key]
    }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        try checkOpen("scan")
        let table = visible[MemoryBackend.position(bucket)]
        for position in table.lowerBound(from)..<table.count {
            let key = table.keys[position]
            let value = table.values[position]
            guard body(key.span, value.span) else { return }
        }
    }

    package func renewReader() throws(BackendError) {
        try checkOpen("renew reader")
        visible = committed
    }

    package var sizeOnDisk: Int64 { Int64(byteCount) }
    package var sizeInUse: Int64 { Int64(byteCount) }

    /// Ends this use; `reopen` starts the next.
    package func close() {
        isClosed = true
    }

    /// What a restarted process would find: all that was committed, and nothing else.
    package func reopen() {
        isClosed = false
        visible = committed
    }

    private static func position(_ bucket: Bucket) -> Int {
        switch bucket {
        case .key: 0
        case .meta: 1
        case .lease: 2
        case .alarm: 3
        case .cluster: 4
        case .members: 5
        case .membersRemoved: 6
        case .auth: 7
        case .authUsers: 8
        case .authRoles: 9
        }
    }

    private func checkOpen(_ operation: String) throws(BackendError) {
        if isClosed { throw error(.closed, operation, "the backend is closed") }
    }

    private func error(
        _ kind: BackendError.Kind,
        _ operation: String,
        _ detail: String
    ) -> BackendError {
        BackendError(kind: kind, operation: operation, path: "", detail: detail)
    }
}
