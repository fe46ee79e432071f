/// Reads a bbolt file that may come from anybody: another member, an object store, a broken disk.
///
/// Whatever the bytes are, the result is the rows in order or an error; nothing is taken for
/// granted. Only a few pages are in memory, and one bit for each page of the file.
package final class BoltReader {
    /// A bucket by its place in the root bucket.
    private struct Bucket {
        let name: [UInt8]
        /// The page of the root's leaf that names it.
        let page: UInt64
        let root: UInt64
        /// Instead of a page of its own.
        let inline: [UInt8]
        var wasWalked = false
    }

    private static let depthMax = 32
    private static let bucketCountMax = 256

    private let file: any DiskFile
    private let pageSize: Int
    private let pageCount: UInt64
    private var buckets: [Bucket] = []
    /// Pages that are free or reached.
    private var used: PageSet

    /// The names of the buckets, in order.
    package var bucketNames: [String] {
        buckets.map { String(decoding: $0.name, as: UTF8.self) }
    }

    /// The bytes of the database; a file may be longer, as one with a checksum behind it is.
    package var size: Int64 { Int64(pageCount) * Int64(pageSize) }

    /// The pages that neither hold anything nor are listed as free. Of use when all buckets have
    /// been walked; a file of etcd's own has no list, and so may have any number.
    package var leakedPages: Int { Int(pageCount) - used.count }

    /// Reads the meta pages, the freelist, and the list of buckets.
    package init(_ file: any DiskFile) throws(BoltError) {
        let meta = try BoltMeta(of: file)
        self.file = file
        pageSize = meta.pageSize
        pageCount = meta.pageCount
        used = PageSet(count: Int(meta.pageCount))
        used.insert(0)
        used.insert(1)
        if meta.freelist != BoltFormat.noFreelist { try readFreelist(meta.freelist) }
        try readBuckets(meta.root)
    }

    /// Walks over a bucket's rows in order of their keys until `body` returns false. False when
    /// there is no such bucket.
    @discardableResult
    package func forEachRow(
        of name: String,
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BoltError) -> Bool {
        let wanted = Array(name.utf8)
        guard let position = buckets.firstIndex(where: { $0.name == wanted }) else { return false }
        let bucket = buckets[position]
        // A page that another bucket has must not be here too; but a bucket may be walked again.
        var walk = BoltWalk(file, pageSize: pageSize, pageCount: pageCount)
        walk.taken = bucket.wasWalked ? nil : used
        defer {
            used.formUnion(walk.seen)
            buckets[position].wasWalked = true
        }
        let rows = { (element: BoltPage.Element, page: BoltPage) throws(BoltError) -> Bool in
            guard element.tag == 0 else {
                throw page.damaged(.wrongElement(UInt32(element.tag)))
            }
            let (bytes, start) = page.rowBytes
            let key = element.key.lowerBound - start..<element.key.upperBound - start
            let value = element.value.lowerBound - start..<element.value.upperBound - start
            return body(bytes.span.extracting(key), bytes.span.extracting(value))
        }
        if bucket.root == 0 {
            let page = try BoltPage(inline: bucket.inline, on: bucket.page, path: file.path)
            try walk.run(leaf: page, rows)
        } else {
            try walk.run(root: bucket.root, depth: Self.depthMax, rows)
        }
        return true
    }

    private func readFreelist(_ id: UInt64) throws(BoltError) {
        var page = try BoltPage(id, of: file, pageSize: pageSize, pageCount: pageCount)
        guard page.kind == BoltFormat.PageKind.freelist.rawValue else {
            throw page.damaged(.wrongKind(page.kind))
        }
        for part in id...id + page.overflow { used.insert(part) }
        let pageCount = pageCount
        let path = file.path
        try page.forEachFree { free throws(BoltError) in
            guard free >= 2, free < pageCount else {
                throw .damaged(path: path, page: free, .noSuchPage)
            }
            guard used.insert(free) else {
                throw .damaged(path: path, page: free, .usedTwice)
            }
        }
    }

    private func readBuckets(_ root: UInt64) throws(BoltError) {
        var walk = BoltWalk(file, pageSize: pageSize, pageCount: pageCount)
        walk.taken = used
        var found: [Bucket] = []
        let inlineMax = pageSize / 4
        try walk.run(root: root, depth: Self.depthMax) { element, page throws(BoltError) in
            guard element.tag == UInt64(BoltFormat.bucketFlag) else {
                throw page.damaged(.wrongElement(UInt32(element.tag)))
            }
            let (bytes, start) = page.rowBytes
            guard element.value.count >= BoltFormat.bucketBytes,
                element.value.count <= BoltFormat.bucketBytes + inlineMax,
                found.count < Self.bucketCountMax
            else { throw page.damaged(.badBucket) }
            let value = element.value.lowerBound - start
            found.append(
                Bucket(
                    name: Array(
                        bytes[element.key.lowerBound - start..<element.key.upperBound - start]
                    ),
                    page: page.id,
                    root: Bytes.load(bytes, at: value),
                    inline: Array(
                        bytes[value + BoltFormat.bucketBytes..<element.value.upperBound - start]
                    )
                )
            )
            return true
        }
        buckets = found
        used.formUnion(walk.seen)
    }
}
