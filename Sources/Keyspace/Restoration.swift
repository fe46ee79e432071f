/// What a keyspace knows at start, read from its backend.
struct Restoration {
    private(set) var index = KeyIndex()
    private(set) var buckets = SmallBuckets()
    private(set) var leases = LeaseTable()
    private(set) var revision: Int64 = 1
    private(set) var scheduled: Int64 = -1
    private(set) var finished: Int64 = -1
    private(set) var consistentIndex: UInt64 = 0
    private(set) var term: UInt64 = 0
    private var rows = RestoredRows()
    private var attachments = RestoredAttachments()

    init(_ backend: any Backend) throws(KeyspaceError) {
        for bucket in Bucket.small { try readSmall(bucket, backend) }
        consistentIndex = try number(MetaKey.consistentIndex) ?? 0
        term = try number(MetaKey.term) ?? 0
        scheduled = try compactionMark(MetaKey.scheduledCompaction) ?? -1
        finished = try compactionMark(MetaKey.finishedCompaction) ?? -1
        try readKeys(backend)
        // The rows just below a compaction may all be gone; its revision was reached nevertheless.
        revision = max(revision, scheduled, finished)
    }

    private mutating func readSmall(
        _ bucket: Bucket,
        _ backend: any Backend
    ) throws(KeyspaceError) {
        var rows: [(key: [UInt8], value: [UInt8])] = []
        do throws(BackendError) {
            try backend.scan(bucket, from: []) { key, value in
                rows.append((key: [UInt8](copying: key), value: [UInt8](copying: value)))
                return true
            }
        } catch {
            throw .backend(error)
        }
        for row in rows {
            if bucket == .lease {
                leases.insert(try lease(row.key, row.value))
            } else {
                buckets[bucket, row.key] = row.value
            }
        }
    }

    private func lease(_ key: [UInt8], _ row: [UInt8]) throws(KeyspaceError) -> Lease {
        guard let lease = Lease(row: row), lease.id.rowKey == key else {
            throw .corrupt(bucket: .lease, key: key, reason: "not the lease of this number")
        }
        return lease
    }

    private mutating func readKeys(_ backend: any Backend) throws(KeyspaceError) {
        var failure: KeyspaceError?
        var checker = RecordRows()
        do throws(BackendError) {
            try backend.scan(.key, from: []) { key, value in
                do throws(KeyspaceError) {
                    let (row, fields) = try checker.check(key, value)
                    rows.add(
                        value.extracting(fields.key),
                        row,
                        version: fields.version,
                        createRevision: fields.createRevision
                    )
                    attachments.note(
                        value.extracting(fields.key),
                        lease: fields.lease,
                        at: row.revision
                    )
                    if rows.isFull { rows.move(to: &index) }
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
        } catch {
            throw .backend(error)
        }
        if let failure { throw failure }
        rows.move(to: &index)
        rows = RestoredRows()
        attachments.move(to: &leases, index)
        attachments = RestoredAttachments()
        if let last = checker.previous { revision = max(revision, last.revision.main) }
    }

    private func number(_ key: [UInt8]) throws(KeyspaceError) -> UInt64? {
        guard let value = buckets[.meta, key] else { return nil }
        guard value.count == 8 else {
            throw .corrupt(bucket: .meta, key: key, reason: "\(value.count) bytes, not 8")
        }
        return value.span.bigEndian(at: 0)
    }

    private func compactionMark(_ key: [UInt8]) throws(KeyspaceError) -> Int64? {
        guard let value = buckets[.meta, key] else { return nil }
        guard let mark = RecordKey(value.span) else {
            throw .corrupt(bucket: .meta, key: key, reason: "not a revision")
        }
        return mark.revision.main
    }
}
