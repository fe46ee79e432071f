/// What the backend does not have yet, or what the reader does not see yet.
///
/// One batch is open and takes the writes; sealed ones are on their way to the backend. All of
/// them answer reads before the backend does. A batch is sealed only between two entries, so no
/// entry's writes are torn apart by a crash.
struct PendingWrites {
    private(set) var open = WriteBatch(number: 1)
    private var sealed: [WriteBatch] = []
    /// The last batch that the reader sees.
    private(set) var committedNumber: UInt64 = 0

    var byteCount: Int { sealed.reduce(open.byteCount) { $0 + $1.byteCount } }

    /// What a row or a write costs besides its bytes.
    private static let overhead = 64

    mutating func append(_ key: RecordKey, _ value: [UInt8]) {
        open.records.append(WriteBatch.Record(key: key, value: value))
        open.byteCount += value.count + PendingWrites.overhead
    }

    /// Takes back the last records.
    mutating func removeLast(_ number: Int) {
        for record in open.records.suffix(number) {
            open.byteCount -= record.value.count + PendingWrites.overhead
        }
        open.records.removeLast(number)
    }

    mutating func write(_ bucket: Bucket, _ key: [UInt8], _ value: [UInt8]?) {
        open.writes.append(WriteBatch.Write(bucket: bucket, key: key, value: value))
        open.byteCount += key.count + (value?.count ?? 0) + PendingWrites.overhead
    }

    mutating func delete(_ rows: [RecordKey]) {
        open.deletions += rows
        open.byteCount += rows.count * PendingWrites.overhead
    }

    // MARK: Reading

    /// The record of a version that was written since the reader's view; nil if the backend has it.
    func record(_ revision: Revision) -> [UInt8]? {
        if let value = open.record(revision) { return value }
        for batch in sealed.reversed() {
            if let value = batch.record(revision) { return value }
        }
        return nil
    }

    /// The rows that the reader still sees, or that are pending, but that are deleted; in any
    /// order.
    var deletedRows: [RecordKey] {
        sealed.flatMap(\.deletions) + open.deletions
    }

    /// The records of each batch, in revision order; all of them are above what the reader sees.
    var records: [[WriteBatch.Record]] { sealed.map(\.records) + [open.records] }

    // MARK: Life of a batch

    mutating func seal() -> WriteBatch {
        open.deletions.sort()
        let batch = open
        sealed.append(batch)
        open = WriteBatch(number: batch.number + 1)
        return batch
    }

    /// Forgets the batches up to a number, which the reader must see by now.
    mutating func forget(upTo number: UInt64) {
        guard number < open.number else {
            fatalError("batch \(number) was reported committed, but is not sealed yet")
        }
        sealed.removeAll { $0.number <= number }
        committedNumber = max(committedNumber, number)
    }
}

extension WriteBatch {
    fileprivate func record(_ revision: Revision) -> [UInt8]? {
        guard let first = records.first, first.key.revision <= revision else { return nil }
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].key.revision < revision { low = middle + 1 } else { high = middle }
        }
        guard low < records.count, records[low].key.revision == revision else { return nil }
        return records[low].value
    }
}
