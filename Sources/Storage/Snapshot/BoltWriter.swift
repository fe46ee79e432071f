/// Writes a bbolt file from front to back, with a few pages of it in memory: buckets in the order
/// of their names, the rows of each in the order of their keys.
///
/// The file is whole only after `finish`, which writes the first two pages; before that no reader
/// takes it for a database. Nothing is synced here.
package final class BoltWriter {
    private var pages: BoltPages
    private var root = BoltTree()
    /// The bucket that takes rows.
    private var bucket: (name: String, tree: BoltTree)?
    private var lastKey: [UInt8]?
    private var isFinished = false

    /// Into an empty file. The page size is a power of two from 1 KiB to 64 KiB.
    package init(_ file: any DiskFile, pageSize: Int = 4096) {
        invariant(BoltFormat.pageSizes.contains(pageSize), "no page size: \(pageSize)")
        pages = BoltPages(file, pageSize: pageSize)
    }

    /// Ends the bucket before and begins the next, which may stay empty.
    package func begin(bucket name: String) throws(BoltError) {
        invariant(!isFinished, "a bucket after the end of a snapshot")
        if let before = bucket?.name, !Array(before.utf8).span.precedes(Array(name.utf8).span) {
            throw .outOfOrder(bucket: name)
        }
        try check(bucket: name, keyBytes: name.utf8.count, valueBytes: 0)
        try endBucket()
        bucket = (name, BoltTree())
        lastKey = nil
    }

    /// Adds a row to the bucket begun last.
    package func add(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(BoltError) {
        invariant(!isFinished, "a row after the end of a snapshot")
        guard let name = bucket?.name else {
            invariant(false, "a row before the first bucket of a snapshot")
            return
        }
        try check(bucket: name, keyBytes: key.count, valueBytes: value.count)
        if let lastKey, !lastKey.span.precedes(key) { throw .outOfOrder(bucket: name) }
        lastKey = lastKey ?? []
        lastKey?.removeAll(keepingCapacity: true)
        lastKey?.append(copying: key)
        try bucket?.tree.add(key, value, to: &pages)
    }

    /// Ends the last bucket and makes the file whole. Returns its size.
    package func finish() throws(BoltError) -> Int64 {
        invariant(!isFinished, "a snapshot finished twice")
        try endBucket()
        bucket = nil
        isFinished = true
        let page = try root.finish(to: &pages)
        return try pages.finish(root: page)
    }

    private func endBucket() throws(BoltError) {
        guard let name = bucket?.name, var tree = bucket?.tree else { return }
        var entry: [UInt8] = []
        if let leaf = tree.inlineLeaf(pageSize: pages.pageSize) {
            entry.append(littleEndian: UInt64(0))
            entry.append(littleEndian: UInt64(0))
            entry += leaf
        } else {
            entry.append(littleEndian: try tree.finish(to: &pages))
            entry.append(littleEndian: UInt64(0))
        }
        let flags = BoltFormat.bucketFlag
        try root.add(Array(name.utf8).span, entry.span, flags: flags, to: &pages)
    }

    private func check(bucket: String, keyBytes: Int, valueBytes: Int) throws(BoltError) {
        guard (1...BoltFormat.keyBytesMax).contains(keyBytes),
            valueBytes <= BoltFormat.valueBytesMax
        else {
            throw .badRow(bucket: bucket, keyBytes: keyBytes, valueBytes: valueBytes)
        }
    }
}
