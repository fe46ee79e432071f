/// Puts one page after another behind the two meta pages, in large writes.
struct BoltPages {
    private static let bufferBytes = 1 << 19

    let pageSize: Int
    private let file: any DiskFile
    private var buffer: [UInt8] = []
    /// The page with which the buffer begins.
    private var bufferStart: UInt64 = 2
    /// The page that is added next: also the high-water mark.
    private(set) var next: UInt64 = 2

    init(_ file: any DiskFile, pageSize: Int) {
        self.file = file
        self.pageSize = pageSize
    }

    /// Adds a page, with pages for its overflow, and returns its number.
    mutating func add(_ page: borrowing BoltPageBuilder) throws(BoltError) -> UInt64 {
        let id = next
        let pageCount = (page.byteCount + pageSize - 1) / pageSize
        page.write(id: id, overflow: UInt32(pageCount - 1), to: &buffer)
        next += UInt64(pageCount)
        let end = Int(next - bufferStart) * pageSize
        buffer.append(contentsOf: repeatElement(0, count: end - buffer.count))
        if buffer.count >= Self.bufferBytes { try flush() }
        return id
    }

    /// Adds an empty freelist and writes the meta pages, which makes the file valid. Returns its
    /// size.
    mutating func finish(root: UInt64) throws(BoltError) -> Int64 {
        let freelist = try add(BoltPageBuilder(.freelist))
        try flush()
        var metas: [UInt8] = []
        // As in any file of bbolt's, an even transaction is in page 0.
        for (id, transaction) in [(UInt64(0), UInt64(2)), (1, 1)] {
            metas.append(littleEndian: id)
            metas.append(littleEndian: BoltFormat.PageKind.meta.rawValue)
            metas.append(littleEndian: UInt16(0))
            metas.append(littleEndian: UInt32(0))
            let body = metas.count
            metas.append(littleEndian: BoltFormat.magic)
            metas.append(littleEndian: BoltFormat.version)
            metas.append(littleEndian: UInt32(pageSize))
            metas.append(littleEndian: UInt32(0))
            for number in [root, 0, freelist, next, transaction] {
                metas.append(littleEndian: number)
            }
            metas.append(littleEndian: BoltFormat.checksum(metas[body...]))
            let end = Int(id + 1) * pageSize
            metas.append(contentsOf: repeatElement(0, count: end - metas.count))
        }
        do throws(DiskError) {
            try file.write(metas, at: 0)
        } catch {
            throw .disk(error)
        }
        return Int64(next) * Int64(pageSize)
    }

    private mutating func flush() throws(BoltError) {
        do throws(DiskError) {
            try file.write(buffer, at: Int64(bufferStart) * Int64(pageSize))
        } catch {
            throw .disk(error)
        }
        bufferStart = next
        // One large value must not keep its room for the rest of the file.
        buffer.removeAll(keepingCapacity: buffer.count <= 2 * Self.bufferBytes)
    }
}
