import Keyspace
import Storage

/// One loading of a snapshot file into a backend.
struct SnapshotLoad {
    private let reader: BoltReader
    private let backend: any Backend
    private var batch = WriteBatch(number: 1)
    private var rows = RecordRows()
    private var versionCount = 0
    private var meta = SnapshotMeta()
    private let progress: (Int64) -> Void
    private var committedBytes: Int64 = 0

    /// What one transaction takes, in bytes and rows.
    private static let batchBytes = 4 << 20
    private static let batchRows = 10_000

    init(
        _ file: any DiskFile,
        _ backend: any Backend,
        _ progress: @escaping (Int64) -> Void
    ) throws(SnapshotError) {
        self.backend = backend
        self.progress = progress
        do {
            reader = try BoltReader(file)
        } catch {
            throw .file(error)
        }
    }

    consuming func run() throws(SnapshotError) -> SnapshotSummary {
        let names = reader.bucketNames
        for needed in [Bucket.key, .meta] where !names.contains(needed.rawValue) {
            throw .missing(needed)
        }
        for bucket in Bucket.allCases { try checkEmpty(bucket) }
        for bucket in Bucket.allCases where bucket != .meta { try copy(bucket) }
        try readMeta()
        let summary = try meta.summary(
            size: reader.size,
            lastRow: rows.previous,
            versionCount: versionCount,
            ignoredBuckets: names.filter { Bucket(rawValue: $0) == nil }
        )
        for row in meta.rows { write(.meta, row.key, row.value) }
        do throws(BackendError) {
            try backend.commit(batch)
            try backend.renewReader()
        } catch {
            throw .backend(error)
        }
        return summary
    }

    private func checkEmpty(_ bucket: Bucket) throws(SnapshotError) {
        var isEmpty = true
        do throws(BackendError) {
            try backend.scan(bucket, from: []) { _, _ in
                isEmpty = false
                return false
            }
        } catch {
            throw .backend(error)
        }
        guard isEmpty else { throw .notEmpty(bucket) }
    }

    private mutating func copy(_ bucket: Bucket) throws(SnapshotError) {
        try forEachRow(of: bucket) { load, key, value throws(SnapshotError) in
            if bucket == .key {
                try load.append(key, value)
            } else {
                load.write(bucket, [UInt8](copying: key), [UInt8](copying: value))
            }
            try load.commitIfLarge()
        }
    }

    private mutating func readMeta() throws(SnapshotError) {
        try forEachRow(of: .meta) { load, key, value throws(SnapshotError) in
            guard load.meta.add([UInt8](copying: key), [UInt8](copying: value)) else {
                throw SnapshotFile.tooMuchMeta
            }
        }
    }

    private mutating func forEachRow(
        of bucket: Bucket,
        _ body: (inout SnapshotLoad, Span<UInt8>, Span<UInt8>) throws(SnapshotError) -> Void
    ) throws(SnapshotError) {
        var failure: SnapshotError?
        do throws(BoltError) {
            try reader.forEachRow(of: bucket.rawValue) { key, value in
                do throws(SnapshotError) {
                    try body(&self, key, value)
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
        } catch {
            throw .file(error)
        }
        if let failure { throw failure }
    }

    /// Takes a version of a key.
    private mutating func append(
        _ key: Span<UInt8>,
        _ value: Span<UInt8>
    ) throws(SnapshotError) {
        if let refusal = rows.refusal(key, value) { throw .row(refusal) }
        guard let row = RecordKey(key) else { return }
        batch.records.append(WriteBatch.Record(key: row, value: [UInt8](copying: value)))
        batch.byteCount += value.count
        versionCount += 1
    }

    private mutating func write(_ bucket: Bucket, _ key: [UInt8], _ value: [UInt8]) {
        batch.writes.append(WriteBatch.Write(bucket: bucket, key: key, value: value))
        batch.byteCount += key.count + value.count
    }

    private mutating func commitIfLarge() throws(SnapshotError) {
        guard batch.byteCount >= Self.batchBytes || batch.operationCount >= Self.batchRows else {
            return
        }
        do throws(BackendError) {
            try backend.commit(batch)
        } catch {
            throw .backend(error)
        }
        committedBytes += Int64(batch.byteCount)
        progress(committedBytes)
        batch = WriteBatch(number: batch.number + 1)
    }
}
