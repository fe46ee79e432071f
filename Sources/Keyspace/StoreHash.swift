/// The checksum that `Maintenance.Hash` answers: over all buckets in the order of their names, of
/// each its name and then its rows in key order, but for what differs between members that agree:
/// how far each has come in the log, and the version of the schema.
package enum StoreHash {
    /// Adds up what a view shows, on any thread.
    package static func run(on view: any BackendView) throws(BackendError) -> UInt32 {
        var checksum = CRC32C()
        let buckets = Bucket.allCases.sorted { left, right in
            Array(left.rawValue.utf8).precedes(Array(right.rawValue.utf8))
        }
        for bucket in buckets {
            checksum.add(Array(bucket.rawValue.utf8).span)
            try view.scan(bucket, from: []) { key, value in
                if bucket != .meta || !ignored.contains(where: { $0.span.isEqual(to: key) }) {
                    checksum.add(key)
                    checksum.add(value)
                }
                return true
            }
        }
        return checksum.value
    }

    private static let ignored = [MetaKey.consistentIndex, MetaKey.term, MetaKey.storageVersion]
}
