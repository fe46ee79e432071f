/// What one backend transaction writes.
///
/// The order of execution is: `records` are appended, `deletions` removed, then `writes` run in
/// their order. It suffices because a revision is written once and never again after its deletion.
package struct WriteBatch: Sendable {
    /// A new row of the `key` bucket.
    package struct Record: Sendable {
        package let key: RecordKey
        package let value: [UInt8]

        package init(key: RecordKey, value: [UInt8]) {
            self.key = key
            self.value = value
        }
    }

    /// A write to one of the small buckets; without a value it is a deletion.
    package struct Write: Sendable {
        package let bucket: Bucket
        package let key: [UInt8]
        package let value: [UInt8]?

        package init(bucket: Bucket, key: [UInt8], value: [UInt8]?) {
            self.bucket = bucket
            self.key = key
            self.value = value
        }
    }

    /// Counts up by one from batch to batch of a keyspace, from 1.
    package let number: UInt64
    /// In ascending order, and above every row that the backend holds.
    package var records: [Record] = []
    /// Rows of the `key` bucket to remove; in ascending order in a sealed batch.
    package var deletions: [RecordKey] = []
    package var writes: [Write] = []
    /// About the bytes that this takes in memory.
    package var byteCount = 0

    package init(number: UInt64) {
        self.number = number
    }

    package var operationCount: Int { records.count + deletions.count + writes.count }
}
