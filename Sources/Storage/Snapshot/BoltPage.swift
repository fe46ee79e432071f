/// A page of a file that may hold anything: nothing of it is believed before it is checked.
///
/// A page without overflow is in memory whole. Of one with overflow two windows are: one on its
/// elements, one on the row looked at last; so memory is bounded by the largest row.
struct BoltPage {
    /// Where the bytes come from.
    private enum Source {
        case file(any DiskFile, start: Int64)
        /// A leaf inside a bucket's entry.
        case memory
    }

    private struct Window {
        var start = 0
        var bytes: [UInt8] = []

        func covers(_ range: Range<Int>) -> Bool {
            start <= range.lowerBound && range.upperBound <= start + bytes.count
        }
    }

    /// One element of the table, with the place of its key and value in the page.
    struct Element {
        /// A leaf element's flags, a branch element's child.
        let tag: UInt64
        let key: Range<Int>
        let value: Range<Int>
    }

    private static let windowBytes = 1 << 16
    /// A row larger than any that etcd sends to a peer.
    private static let rowBytesMax = 512 << 20

    /// Its number in the file; of an inline leaf that of the page it lies in.
    let id: UInt64
    let kind: UInt16
    let count: Int
    /// The pages it takes besides the first.
    let overflow: UInt64
    private let path: String
    private let source: Source
    private let byteCount: Int
    private var table = Window()
    private var row = Window()
    /// Where the next element's bytes may begin: elements never share theirs, so that a page hands
    /// out no more bytes than it has.
    private var dataEnd: Int

    /// Reads a page's head, and the page when it is not large. `pageCount` is the number of pages
    /// that the file has.
    init(
        _ id: UInt64,
        of file: any DiskFile,
        pageSize: Int,
        pageCount: UInt64
    ) throws(BoltError) {
        let path = file.path
        guard id >= 2, id < pageCount else {
            throw .damaged(path: path, page: id, .noSuchPage)
        }
        let start = Int64(id) * Int64(pageSize)
        let bytes = try BoltPage.read(file, id, at: start, count: pageSize)
        let overflow = UInt64(Bytes.load(bytes, at: 12, as: UInt32.self))
        guard Bytes.load(bytes, at: 0, as: UInt64.self) == id else {
            throw .damaged(path: path, page: id, .wrongNumber(Bytes.load(bytes, at: 0)))
        }
        guard overflow < pageCount - id else {
            throw .damaged(path: path, page: id, .noSuchPage)
        }
        self.id = id
        self.path = path
        self.overflow = overflow
        kind = Bytes.load(bytes, at: 8)
        count = Int(Bytes.load(bytes, at: 10, as: UInt16.self))
        source = .file(file, start: start)
        byteCount = (Int(overflow) + 1) * pageSize
        table.bytes = bytes
        row.bytes = bytes
        dataEnd = BoltFormat.headBytes + count * BoltFormat.elementBytes
        guard kind == BoltFormat.PageKind.freelist.rawValue || dataEnd <= byteCount else {
            throw .damaged(path: path, page: id, .outOfBounds)
        }
    }

    /// A leaf inside the entry of a bucket on page `id`.
    init(inline bytes: [UInt8], on id: UInt64, path: String) throws(BoltError) {
        guard bytes.count >= BoltFormat.headBytes else {
            throw .damaged(path: path, page: id, .badBucket)
        }
        self.id = id
        self.path = path
        overflow = 0
        kind = Bytes.load(bytes, at: 8)
        count = Int(Bytes.load(bytes, at: 10, as: UInt16.self))
        source = .memory
        byteCount = bytes.count
        table.bytes = bytes
        row.bytes = bytes
        dataEnd = BoltFormat.headBytes + count * BoltFormat.elementBytes
        guard dataEnd <= byteCount else {
            throw .damaged(path: path, page: id, .outOfBounds)
        }
    }

    func damaged(_ damage: BoltError.Damage) -> BoltError {
        .damaged(path: path, page: id, damage)
    }

    /// The element at `index`, with its row in memory; to be asked for in order.
    mutating func element(_ index: Int) throws(BoltError) -> Element {
        let at = BoltFormat.headBytes + index * BoltFormat.elementBytes
        try loadTable(at, BoltFormat.elementBytes)
        let offset = at - table.start
        func field(_ number: Int) -> Int {
            Int(Bytes.load(table.bytes, at: offset + 4 * number, as: UInt32.self))
        }
        let isLeaf = kind == BoltFormat.PageKind.leaf.rawValue
        let start = at + field(isLeaf ? 1 : 0)
        let keyBytes = field(isLeaf ? 2 : 1)
        let valueBytes = isLeaf ? field(3) : 0
        let end = start + keyBytes + valueBytes
        guard start >= dataEnd, end <= byteCount, keyBytes > 0 else { throw damaged(.outOfBounds) }
        guard keyBytes <= BoltFormat.keyBytesMax, valueBytes <= Self.rowBytesMax else {
            throw damaged(.tooLarge)
        }
        dataEnd = end
        if !row.covers(start..<end) { row = try window(over: start..<end) }
        return Element(
            tag: isLeaf ? UInt64(field(0)) : Bytes.load(table.bytes, at: offset + 8),
            key: start..<start + keyBytes,
            value: start + keyBytes..<end
        )
    }

    /// The bytes in which the last element's row is, and how far into the page they begin.
    var rowBytes: (bytes: [UInt8], start: Int) { (row.bytes, row.start) }

    /// Calls `body` with the pages that a freelist page says are free.
    mutating func forEachFree(
        _ body: (UInt64) throws(BoltError) -> Void
    ) throws(BoltError) {
        var at = BoltFormat.headBytes
        var rest = UInt64(count)
        if count == 0xFFFF {
            try loadTable(at, 8)
            rest = Bytes.load(table.bytes, at: at - table.start)
            at += 8
        }
        guard rest <= UInt64(byteCount - at) / 8 else { throw damaged(.outOfBounds) }
        for _ in 0..<rest {
            try loadTable(at, 8)
            try body(Bytes.load(table.bytes, at: at - table.start))
            at += 8
        }
    }

    /// A window that covers a range, which lies inside the page.
    private func window(over range: Range<Int>) throws(BoltError) -> Window {
        guard case .file(let file, let start) = source else { throw damaged(.outOfBounds) }
        let end = min(max(range.upperBound, range.lowerBound + Self.windowBytes), byteCount)
        let bytes = try BoltPage.read(
            file,
            id,
            at: start + Int64(range.lowerBound),
            count: end - range.lowerBound
        )
        return Window(start: range.lowerBound, bytes: bytes)
    }

    /// Makes the table's window cover the bytes from `at` on.
    private mutating func loadTable(_ at: Int, _ count: Int) throws(BoltError) {
        if !table.covers(at..<at + count) { table = try window(over: at..<at + count) }
    }

    private static func read(
        _ file: any DiskFile,
        _ id: UInt64,
        at offset: Int64,
        count: Int
    ) throws(BoltError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try file.read(at: offset, count: count)
        } catch {
            throw .disk(error)
        }
        guard bytes.count == count else {
            throw .damaged(path: file.path, page: id, .truncated)
        }
        return bytes
    }
}
