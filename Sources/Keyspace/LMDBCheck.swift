internal import Glibc

/// Looks through the pages of `data.mdb` before LMDB does.
///
/// LMDB trusts its pages: one that is not as it was written makes it abort, or read anywhere in
/// memory. A process that ended by such a signal has told nobody that its data is damaged, and
/// would be started on it again and again. So when a store is opened each page that a table reaches
/// is looked at once: its number, its kind, and where its entries lie; and no page may be in use
/// twice, or in use and free. What the entries say is checked by those who read them.
///
/// A page begins with its number (8 bytes), padding (2) and its kind (2). Then come two offsets:
/// where the pointers to its entries end, and where the entries begin; of a page that holds one
/// large value, the number of pages that it takes. Pages 0 and 1 are the heads, of which the one
/// with the higher transaction counts. All numbers are little-endian.
struct LMDBCheck: ~Copyable {
    /// The kinds of pages.
    private enum Kind {
        static let branch = 0x01
        static let leaf = 0x02
        static let overflow = 0x04
        static let head = 0x08
        static let all = 0x6F
    }

    /// What an entry of a leaf is, beside plain bytes.
    private enum Flag {
        static let overflow = 0x01
        static let table = 0x02
    }

    private enum Content {
        /// Lists of pages that may be used again, by transaction.
        case freePages
        /// The tables by name.
        case tables
        case rows
    }

    /// The 48 bytes that describe a table.
    private struct Table {
        let flags: Int
        let depth: Int
        let root: UInt64

        /// The root of an empty table.
        static let none = UInt64.max
    }

    private struct Entry {
        let offset: Int
        let keySize: Int
        let flags: Int
        /// Of a branch: the page below it.
        let child: UInt64
        /// Of a leaf.
        let valueSize: Int

        var value: Int { offset + 8 + keySize }
    }

    private let directory: String
    private let descriptor: Int32
    private var page: [UInt8] = []
    private var pageSize = 0
    /// Pages of the file.
    private var fileCount: UInt64 = 0
    /// Pages that the store has given out; the last of them may never have been written.
    private var pageCount: UInt64 = 0
    /// A bit for each page of the file that is in use or free.
    private var taken: [UInt64] = []

    /// Throws `.corrupted` where LMDB would fall over something. A store that is not there yet, and
    /// one whose heads LMDB itself refuses, are left to it.
    static func run(on directory: String) throws(BackendError) {
        let descriptor = unsafe open(directory + "/data.mdb", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw LMDBEnvironment.error(errno, "check", directory)
        }
        var check = LMDBCheck(directory, descriptor)
        try check.run()
    }

    private init(_ directory: String, _ descriptor: Int32) {
        self.directory = directory
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private mutating func run() throws(BackendError) {
        guard let (free, tables) = try readHead() else { return }
        _ = try walk(free, .freePages)
        for table in try walk(tables, .tables) { _ = try walk(table, .rows) }
    }

    // MARK: Heads

    /// The two tables that the newer head names.
    private mutating func readHead() throws(BackendError) -> (free: Table, tables: Table)? {
        var info = stat()
        guard unsafe fstat(descriptor, &info) == 0 else {
            throw LMDBEnvironment.error(errno, "check", directory)
        }
        guard let first = try transaction(at: 0) else { return nil }
        pageSize = Int(number(UInt32.self, at: 40))
        guard (512...65_536).contains(pageSize), pageSize & (pageSize - 1) == 0 else {
            throw damage("its page size is \(pageSize)")
        }
        guard let second = try transaction(at: pageSize), try transaction(at: 0) != nil else {
            return nil
        }
        if second > first { _ = try transaction(at: pageSize) }
        fileCount = UInt64(info.st_size) / UInt64(pageSize)
        let (count, overflow) = number(UInt64.self, at: 136).addingReportingOverflow(1)
        // The last pages may have been given out and back again without being written.
        guard !overflow, count >= 2, count <= fileCount + 65_536 else {
            throw damage("it should have \(count) pages and has \(fileCount)")
        }
        pageCount = count
        taken = [UInt64](repeating: 0, count: Int(fileCount / 64) + 1)
        taken[0] = 0b11
        return (table(at: 40), table(at: 88))
    }

    /// Reads a head; nil when it is none of this version.
    private mutating func transaction(at offset: Int) throws(BackendError) -> UInt64? {
        guard try read(152, at: offset), number(UInt16.self, at: 10) & UInt16(Kind.head) != 0,
            number(UInt32.self, at: 16) == 0xBEEF_C0DE, number(UInt32.self, at: 20) == 1
        else { return nil }
        return number(UInt64.self, at: 144)
    }

    private func table(at offset: Int) -> Table {
        Table(
            flags: Int(number(UInt16.self, at: offset + 4)),
            depth: Int(number(UInt16.self, at: offset + 6)),
            root: number(UInt64.self, at: offset + 40)
        )
    }

    // MARK: Trees

    /// Looks at all pages of a table; returns the tables that it names.
    private mutating func walk(_ table: Table, _ content: Content) throws(BackendError) -> [Table] {
        guard table.root != Table.none else { return [] }
        // Free pages are listed under numbers, and the flags of the whole store are kept there too.
        let flags = content == .freePages ? table.flags & 0x76 : table.flags
        guard flags == 0, (1...32).contains(table.depth) else {
            throw damage("the table with root \(table.root) is described wrongly")
        }
        var named: [Table] = []
        var open = [(page: table.root, depth: 1)]
        while let (number, depth) = open.popLast() {
            let kind = try readPage(number)
            guard kind == (depth == table.depth ? Kind.leaf : Kind.branch) else {
                throw damage("page \(number) is of the wrong kind")
            }
            let entries = try entries(of: number, isLeaf: kind == Kind.leaf)
            guard entries.count > (kind == Kind.branch && content != .freePages ? 1 : 0) else {
                throw damage("page \(number) has \(entries.count) entries")
            }
            if kind == Kind.branch {
                open += entries.map { ($0.child, depth + 1) }
                continue
            }
            // The lists take the place of the page in memory.
            let large = entries.filter { $0.flags == Flag.overflow }
                .map { (page: self.number(UInt64.self, at: $0.value), size: $0.valueSize) }
            switch content {
            case .rows: try check(entries, of: number, may: [0, Flag.overflow])
            case .tables:
                try check(entries, of: number, may: [Flag.table])
                guard entries.allSatisfy({ $0.valueSize == 48 }) else {
                    throw damage("page \(number) describes a table wrongly")
                }
                named += entries.map { self.table(at: $0.value) }
            case .freePages:
                try check(entries, of: number, may: [0, Flag.overflow])
                guard entries.allSatisfy({ $0.keySize == 8 }) else {
                    throw damage("page \(number) lists free pages wrongly")
                }
                for entry in entries where entry.flags == 0 {
                    try takeList(at: entry.value, size: entry.valueSize, on: number)
                }
            }
            for value in large {
                try takeLarge(value.page, size: value.size)
                guard content == .freePages else { continue }
                try readExactly(16 + value.size, of: value.page)
                try takeList(at: 16, size: value.size, on: value.page)
            }
        }
        return named
    }

    private func check(
        _ entries: [Entry],
        of page: UInt64,
        may flags: [Int]
    ) throws(BackendError) {
        guard entries.allSatisfy({ flags.contains($0.flags) }) else {
            throw damage("page \(page) has an entry of an unknown kind")
        }
    }

    /// The entries of the page that was read, all of which lie within it.
    private func entries(of page: UInt64, isLeaf: Bool) throws(BackendError) -> [Entry] {
        let (lower, upper) = (Int(number(UInt16.self, at: 12)), Int(number(UInt16.self, at: 14)))
        guard lower >= 16, lower % 2 == 0, lower <= upper, upper <= pageSize else {
            throw damage("page \(page) says that its entries are at \(lower) and \(upper)")
        }
        var entries: [Entry] = []
        entries.reserveCapacity((lower - 16) / 2)
        for pointer in stride(from: 16, to: lower, by: 2) {
            let offset = Int(number(UInt16.self, at: pointer))
            guard offset >= upper, offset % 2 == 0, offset + 8 <= pageSize else {
                throw damage("page \(page) has an entry at \(offset)")
            }
            let size = Int(number(UInt32.self, at: offset))
            let flags = Int(number(UInt16.self, at: offset + 4))
            let keySize = Int(number(UInt16.self, at: offset + 6))
            let valueSize = !isLeaf ? 0 : flags & Flag.overflow != 0 ? 8 : size
            guard offset + 8 + keySize + valueSize <= pageSize else {
                throw damage("page \(page) has an entry that goes beyond its end")
            }
            entries.append(
                Entry(
                    offset: offset,
                    keySize: keySize,
                    flags: flags,
                    child: UInt64(size) | UInt64(flags) << 32,
                    valueSize: size
                )
            )
        }
        return entries
    }

    /// The pages of a large value.
    private mutating func takeLarge(_ page: UInt64, size: Int) throws(BackendError) {
        try take(page)
        guard try read(16, at: Int(page) * pageSize), number(UInt64.self, at: 0) == page,
            Int(number(UInt16.self, at: 10)) & Kind.all == Kind.overflow
        else { throw damage("page \(page) should begin a large value") }
        let count = UInt64(number(UInt32.self, at: 12))
        guard UInt64(16 + size) <= count * UInt64(pageSize), count <= fileCount - page else {
            throw damage("page \(page) should begin a value of \(size) bytes")
        }
        for other in page + 1..<page + count { try take(other) }
    }

    /// A list of free pages: how many, then their numbers, the highest first.
    private mutating func takeList(
        at offset: Int,
        size: Int,
        on page: UInt64
    ) throws(BackendError) {
        guard size >= 8 else { throw damage("page \(page) lists free pages in \(size) bytes") }
        let count = number(UInt64.self, at: offset)
        guard count <= UInt64(size / 8 - 1) else {
            throw damage("page \(page) lists \(count) free pages in \(size) bytes")
        }
        var last = pageCount
        for index in 0..<Int(count) {
            let free = number(UInt64.self, at: offset + 8 + 8 * index)
            guard free >= 2, free < last else {
                throw damage("page \(page) lists page \(free) as free, after \(last)")
            }
            last = free
            // Behind the end of the file there can be no conflict.
            if free < fileCount { try take(free) }
        }
    }

    // MARK: Pages

    /// Reads a page that is in use; returns its kind.
    private mutating func readPage(_ page: UInt64) throws(BackendError) -> Int {
        try take(page)
        try readExactly(pageSize, of: page)
        guard number(UInt64.self, at: 0) == page else {
            throw damage("page \(page) says that it is page \(number(UInt64.self, at: 0))")
        }
        return Int(number(UInt16.self, at: 10)) & Kind.all
    }

    private mutating func take(_ page: UInt64) throws(BackendError) {
        guard page >= 2, page < min(pageCount, fileCount) else {
            throw damage("page \(page) does not exist")
        }
        let (word, bit) = (Int(page / 64), UInt64(1) << (page % 64))
        guard taken[word] & bit == 0 else { throw damage("page \(page) is in use twice") }
        taken[word] |= bit
    }

    private mutating func readExactly(_ count: Int, of page: UInt64) throws(BackendError) {
        guard try read(count, at: Int(page) * pageSize) else {
            throw damage("page \(page) is cut off")
        }
    }

    /// False where the file ends before.
    private mutating func read(_ count: Int, at offset: Int) throws(BackendError) -> Bool {
        if page.count < count { page = [UInt8](repeating: 0, count: count) }
        while true {
            let done = unsafe page.withUnsafeMutableBytes { bytes in
                unsafe pread(descriptor, bytes.baseAddress, count, off_t(offset))
            }
            if done >= 0 { return done == count }
            guard errno == EINTR else { throw LMDBEnvironment.error(errno, "check", directory) }
        }
    }

    /// A number in what was read last.
    private func number<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number {
        precondition(offset + MemoryLayout<Number>.size <= page.count)
        return unsafe page.withUnsafeBytes { bytes in
            Number(
                littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Number.self)
            )
        }
    }

    private func damage(_ what: String) -> BackendError {
        BackendError(kind: .corrupted, operation: "check", path: directory, detail: what)
    }
}
