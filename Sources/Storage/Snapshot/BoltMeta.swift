/// What the meta page that counts says.
struct BoltMeta {
    let pageSize: Int
    /// The high-water mark.
    let pageCount: UInt64
    let root: UInt64
    /// The freelist's page, or `BoltFormat.noFreelist`.
    let freelist: UInt64
    private let transaction: UInt64

    /// Takes the whole meta page with the higher transaction. Page 0 tells the page size; if it is
    /// damaged, page 1 is looked for wherever it may begin.
    init(of file: any DiskFile) throws(BoltError) {
        let size: Int64
        var metas: [BoltMeta] = []
        do throws(DiskError) {
            size = try file.size()
            let first = BoltMeta(try file.read(at: 0, count: BoltFormat.metaBytes), id: 0)
            if let first { metas.append(first) }
            let places = first.map { [$0.pageSize] } ?? BoltFormat.pageSizes
            for place in places {
                let bytes = try file.read(at: Int64(place), count: BoltFormat.metaBytes)
                if let second = BoltMeta(bytes, id: 1), second.pageSize == place {
                    metas.append(second)
                }
            }
        } catch {
            throw .disk(error)
        }
        guard let meta = metas.max(by: { $0.transaction < $1.transaction }) else {
            throw .damaged(path: file.path, page: 0, .noMeta)
        }
        guard meta.pageCount <= UInt64(size) / UInt64(meta.pageSize) else {
            throw .damaged(path: file.path, page: meta.pageCount - 1, .truncated)
        }
        self = meta
    }

    /// Nil when the bytes are not those of a whole meta page.
    private init?(_ bytes: [UInt8], id: UInt64) {
        guard bytes.count == BoltFormat.metaBytes,
            Bytes.load(bytes, at: 0) == id,
            Bytes.load(bytes, at: 8) == BoltFormat.PageKind.meta.rawValue,
            Bytes.load(bytes, at: 16) == BoltFormat.magic,
            Bytes.load(bytes, at: 20) == BoltFormat.version,
            Bytes.load(bytes, at: 72) == BoltFormat.checksum(bytes[16..<72])
        else { return nil }
        pageSize = Int(Bytes.load(bytes, at: 24, as: UInt32.self))
        root = Bytes.load(bytes, at: 32)
        freelist = Bytes.load(bytes, at: 48)
        pageCount = Bytes.load(bytes, at: 56)
        transaction = Bytes.load(bytes, at: 64)
        guard BoltFormat.pageSizes.contains(pageSize), pageCount >= 3 else { return nil }
    }
}
