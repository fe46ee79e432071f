/// All buckets but `key` and `lease` (see `LeaseTable`), whole in memory. What is here counts; the
/// backend follows.
struct SmallBuckets {
    private var tables: [Bucket: SortedTable] = [:]

    subscript(bucket: Bucket, key: [UInt8]) -> [UInt8]? {
        get { tables[bucket]?[key] }
        set { tables[bucket, default: SortedTable()][key] = newValue }
    }

    func isEmpty(_ bucket: Bucket) -> Bool {
        tables[bucket]?.count ?? 0 == 0
    }

    /// All rows of a bucket in key order.
    func entries(_ bucket: Bucket) -> [(key: [UInt8], value: [UInt8])] {
        guard let table = tables[bucket] else { return [] }
        return Array(zip(table.keys, table.values)).map { (key: $0.0, value: $0.1) }
    }
}
