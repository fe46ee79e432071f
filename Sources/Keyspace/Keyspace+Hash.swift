extension Keyspace {
    /// The checksum of all rows up to a revision (0: the current one), by which members compare
    /// themselves; equal to etcd's for equal histories and compactions.
    ///
    /// It covers the word `key`, then key and value of each row in order. Of rows up to the
    /// compacted revision only those count that are the valid version of their key at
    /// `revision`; if no key exists there, those that the compaction leaves. A tombstone of
    /// the compacted revision itself never counts, because older versions delete it. So the
    /// result does not depend on how far the deletion of compacted rows has come.
    package func hashKV(
        at requested: Int64
    ) throws(EtcdError) -> (hash: UInt32, compactRevision: Int64, revision: Int64) {
        if requested > 0 {
            guard requested >= compactRevision else { throw .compacted }
            guard requested <= revision else { throw .futureRev }
        }
        let end = requested == 0 ? revision : requested
        var counted = CountedRows(
            index,
            at: end,
            compacted: compactRevision,
            deleted: pending.deletedRows
        )
        var checksum = CRC32C()
        checksum.add(Array(Bucket.key.rawValue.utf8).span)
        do throws(BackendError) {
            try backend.scan(.key, from: []) { key, value in
                guard let row = RecordKey(key) else {
                    fatalError("a row of bucket key has no revision as its key")
                }
                guard row.revision.main <= end else { return false }
                if counted.includes(row) {
                    checksum.add(key)
                    checksum.add(value)
                }
                return true
            }
        } catch {
            fatalError("cannot read the rows to hash: \(error)")
        }
        pending.forEachRecord { record in
            guard record.key.revision.main <= end, counted.includes(record.key) else { return }
            checksum.add(record.key.bytes.span)
            checksum.add(record.value.span)
        }
        return (checksum.value, compactRevision, end)
    }
}

/// Which rows count for the hash. Rows must be asked for in order.
private struct CountedRows {
    private let compacted: Int64
    /// Rows up to the compacted revision that count, in order.
    private var rows: [Revision] = []
    private var nextRow = 0
    private let deleted: [RecordKey]
    private var nextDeleted = 0

    init(_ index: KeyIndex, at revision: Int64, compacted: Int64, deleted: [RecordKey]) {
        self.compacted = compacted
        self.deleted = deleted
        guard compacted >= 0 else { return }
        var valid: [Revision] = []
        var surviving: [Revision] = []
        var isAnyValid = false
        index.visitAll { history in
            if let version = history.revision(at: revision) {
                isAnyValid = true
                if version.main <= compacted { valid.append(version) }
            }
            if let version = history.revision(at: compacted) { surviving.append(version) }
        }
        rows = (isAnyValid ? valid : surviving).sorted()
    }

    mutating func includes(_ row: RecordKey) -> Bool {
        while nextDeleted < deleted.count, deleted[nextDeleted] < row { nextDeleted += 1 }
        if nextDeleted < deleted.count, deleted[nextDeleted] == row { return false }
        guard row.revision.main <= compacted else { return true }
        while nextRow < rows.count, rows[nextRow] < row.revision { nextRow += 1 }
        return nextRow < rows.count && rows[nextRow] == row.revision && !row.isTombstone
    }
}
