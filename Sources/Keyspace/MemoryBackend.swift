/// A backend in memory, for tests and the simulator.
///
/// What it holds lives as long as the object, so opening a second keyspace on it is a restart.
package final class MemoryBackend: Backend {
    private struct State {
        var committed = Tables()
        var visible = Tables()
        var isClosed = false
        var byteCount = 0
        var failures: [BackendError.Kind] = []
    }

    private let state = Guarded(State())

    /// Errors that the next commits throw instead of doing anything.
    package var failures: [BackendError.Kind] {
        get { state.withLock { $0.failures } }
        set { state.withLock { $0.failures = newValue } }
    }

    package init() {}

    /// A backend that begins with what this one has committed, and goes its own way from there.
    package func copy() -> MemoryBackend {
        let (tables, byteCount) = state.withLock { ($0.committed, $0.byteCount) }
        let copy = MemoryBackend()
        copy.state.withLock { state in
            state.committed = tables
            state.visible = tables
            state.byteCount = byteCount
        }
        return copy
    }

    package func commit(_ batch: WriteBatch) throws(BackendError) {
        try withOpen("commit") { state throws(BackendError) in
            if !state.failures.isEmpty {
                let kind = state.failures.removeFirst()
                throw MemoryBackend.error(kind, "commit", "the failure asked for")
            }
            var tables = state.committed
            try tables.apply(batch)
            state.committed = tables
            state.byteCount += batch.byteCount
        }
    }

    package func get(_ bucket: Bucket, _ key: [UInt8]) throws(BackendError) -> [UInt8]? {
        try withOpen("get") { state throws(BackendError) in state.visible[bucket][key] }
    }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        let table = try withOpen("scan") { state throws(BackendError) in state.visible[bucket] }
        table.scan(from: from, body)
    }

    package func openView() throws(BackendError) -> any BackendView {
        try withOpen("open a view") { state throws(BackendError) in MemoryView(state.committed) }
    }

    package func renewReader() throws(BackendError) {
        try withOpen("renew reader") { state throws(BackendError) in
            state.visible = state.committed
        }
    }

    package func writeCompactCopy() throws(BackendError) {
        try withOpen("defragment") { _ throws(BackendError) in }
    }

    package func adoptCompactCopy() throws(BackendError) {
        try withOpen("defragment") { state throws(BackendError) in
            state.visible = state.committed
            state.byteCount = state.committed.byteCount
        }
    }

    package var sizeOnDisk: Int64 { Int64(state.withLock { $0.byteCount }) }
    package var sizeInUse: Int64 { sizeOnDisk }

    /// Ends this use; `reopen` starts the next.
    package func close() {
        state.withLock { $0.isClosed = true }
    }

    /// What a restarted process would find: all that was committed, and nothing else.
    package func reopen() {
        state.withLock { state in
            state.isClosed = false
            state.visible = state.committed
        }
    }

    private func withOpen<Result>(
        _ operation: String,
        _ body: (inout State) throws(BackendError) -> Result
    ) throws(BackendError) -> Result {
        try state.withLock { state throws(BackendError) in
            if state.isClosed {
                throw MemoryBackend.error(.closed, operation, "the backend is closed")
            }
            return try body(&state)
        }
    }

    fileprivate static func error(
        _ kind: BackendError.Kind,
        _ operation: String,
        _ detail: String
    ) -> BackendError {
        BackendError(kind: kind, operation: operation, path: "", detail: detail)
    }
}

/// A copy of all tables, which shares their rows until they change.
private final class MemoryView: BackendView {
    /// Nil once closed.
    private let tables: Guarded<Tables?>

    init(_ tables: Tables) {
        self.tables = Guarded(tables)
    }

    func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        guard let table = tables.withLock({ $0?[bucket] }) else {
            throw MemoryBackend.error(.closed, "scan a view", "the view is closed")
        }
        table.scan(from: from, body)
    }

    func close() {
        tables.withLock { $0 = nil }
    }
}

/// One table per bucket.
private struct Tables: Sendable {
    private var tables: [SortedTable] = Bucket.allCases.map { _ in SortedTable() }

    subscript(bucket: Bucket) -> SortedTable {
        get { tables[Tables.position(bucket)] }
        _modify { yield &tables[Tables.position(bucket)] }
    }

    var byteCount: Int {
        tables.reduce(0) { sum, table in
            zip(table.keys, table.values).reduce(sum) { $0 + $1.0.count + $1.1.count }
        }
    }

    mutating func apply(_ batch: WriteBatch) throws(BackendError) {
        for record in batch.records {
            let key = record.key.bytes
            if let last = self[.key].keys.last, !last.precedes(key) {
                let detail = "revision \(record.key.revision) is not new"
                throw MemoryBackend.error(.corrupted, "commit", detail)
            }
            self[.key][key] = record.value
        }
        let before = self[.key].count
        self[.key].remove(ascending: batch.deletions.map(\.bytes))
        guard before - self[.key].count == batch.deletions.count else {
            let detail = "a row to delete is not there"
            throw MemoryBackend.error(.corrupted, "commit", detail)
        }
        for write in batch.writes {
            guard !write.key.isEmpty else {
                throw MemoryBackend.error(.badKey, "commit", "the key is empty")
            }
            self[write.bucket][write.key] = write.value
        }
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
}

extension SortedTable {
    fileprivate func scan(
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) {
        for position in lowerBound(from)..<count {
            let key = keys[position]
            let value = values[position]
            guard body(key.span, value.span) else { return }
        }
    }
}
