/// What is left of a checksum once the keys were looked at: to read and add up all rows. It may
/// run on any thread, with a view of the backend of its own.
package struct HashJob: Sendable {
    let revision: Int64
    let compacted: Int64
    /// Rows up to the compacted revision that count, in any order.
    let rows: [Revision]
    /// Rows that the backend may still have, but that are deleted; in any order.
    let deleted: [RecordKey]
    /// Rows that the backend may not have yet: batches in order of revisions.
    let pending: [[WriteBatch.Record]]

    /// Adds up the rows of a view that was opened when the job was given, before anything else was
    /// committed or applied.
    package func run(on view: any BackendView) throws(BackendError) -> KeyspaceHash {
        try run { body throws(BackendError) in try view.scan(.key, from: [], body) }
    }

    /// Adds up the rows.
    ///
    /// - Parameter scan: Walks the rows of the `key` bucket in order until the body is false. It
    ///   may see a later commit than the keyspace did.
    func run(
        _ scan: (_ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool) throws(BackendError)
            -> Void
    ) throws(BackendError) -> KeyspaceHash {
        var counted = CountedRows(compacted, rows.sorted(), deleted.sorted())
        var checksum = CRC32C()
        var last: RecordKey?
        checksum.add(Array(Bucket.key.rawValue.utf8).span)
        try scan { key, value in
            guard let row = RecordKey(key) else {
                fatalError("a row of bucket key has no revision as its key")
            }
            guard row.revision.main <= revision else { return false }
            last = row
            if counted.includes(row) {
                checksum.add(key)
                checksum.add(value)
            }
            return true
        }
        for record in pending.joined() where record.key.revision.main <= revision {
            if let last, record.key <= last { continue }
            guard counted.includes(record.key) else { continue }
            checksum.add(record.key.bytes.span)
            checksum.add(record.value.span)
        }
        return KeyspaceHash(
            hash: checksum.value,
            compactRevision: compacted,
            hashedRevision: revision
        )
    }
}

/// A checksum and what it covers.
package struct KeyspaceHash: Hashable, Sendable {
    package let hash: UInt32
    /// The compacted revision at the time; -1 for none.
    package let compactRevision: Int64
    /// The last revision it covers.
    package let hashedRevision: Int64

    package init(hash: UInt32, compactRevision: Int64, hashedRevision: Int64) {
        self.hash = hash
        self.compactRevision = compactRevision
        self.hashedRevision = hashedRevision
    }
}

/// Which rows count for the hash. Rows must be asked for in order.
private struct CountedRows {
    private let compacted: Int64
    /// Rows up to the compacted revision that count, in order.
    private let rows: [Revision]
    private var nextRow = 0
    private let deleted: [RecordKey]
    private var nextDeleted = 0

    init(_ compacted: Int64, _ rows: [Revision], _ deleted: [RecordKey]) {
        self.compacted = compacted
        self.rows = rows
        self.deleted = deleted
    }

    mutating func includes(_ row: RecordKey) -> Bool {
        while nextDeleted < deleted.count, deleted[nextDeleted] < row { nextDeleted += 1 }
        if nextDeleted < deleted.count, deleted[nextDeleted] == row { return false }
        guard row.revision.main <= compacted else { return true }
        while nextRow < rows.count, rows[nextRow] < row.revision { nextRow += 1 }
        return nextRow < rows.count && rows[nextRow] == row.revision && !row.isTombstone
    }
}
