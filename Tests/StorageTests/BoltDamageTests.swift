import Storage
import TestKit
import Testing

/// A damaged or hostile bbolt file gives rows in order or an error, and never stops the process.
@Suite struct BoltDamageTests {
    private let disk: MemoryDisk
    private let original: [UInt8]

    init() throws {
        disk = try memoryDisk()
        var generator = Seed(7).generator()
        let buckets: Buckets = [
            ("auth", []),
            ("key", generator.rows(900, valueMax: 9_000)),
            ("meta", generator.rows(5, valueMax: 20)),
        ]
        _ = try makeSnapshot(buckets, on: disk, pageSize: 1024)
        original = try disk.read(snapshotPath)
    }

    private func put(_ bytes: [UInt8]) throws {
        let file = try disk.open(snapshotPath, .write)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
    }

    /// Gives both meta pages the right checksum again.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for page in [0, 1024] where bytes.count >= page + 80 {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in bytes[page + 16..<page + 72] {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
            }
            for offset in 0..<8 {
                bytes[page + 72 + offset] = UInt8(truncatingIfNeeded: hash >> (8 * UInt64(offset)))
            }
        }
        return bytes
    }

    /// What reading gives: whether it came to the end. Rows must be in order in any case.
    private func read() -> Bool {
        do {
            let found = try readSnapshot(on: disk)
            for bucket in found.buckets {
                for (left, right) in zip(bucket.rows, bucket.rows.dropFirst()) {
                    #expect(left.key.lexicographicallyPrecedes(right.key))
                }
            }
            return true
        } catch {
            #expect(error is BoltError)
            return false
        }
    }

    @Test(arguments: Seed.batch(20))
    func `changed bytes never stop the process`(seed: Seed) throws {
        var generator = seed.generator()
        var refused = 0
        for _ in 0..<40 {
            var bytes = original
            for _ in 0..<generator.within(1...4) {
                // Where pages begin is what is read most.
                let page = generator.below(bytes.count / 1024)
                let inPage =
                    generator.chance(0.7) ? generator.below(80) : generator.below(1024)
                let value =
                    generator.chance(0.3)
                    ? generator.pick([0, 1, 0x7F, 0x80, 0xFF])
                    : UInt8(truncatingIfNeeded: generator.next())
                bytes[page * 1024 + inPage] = value
            }
            if generator.chance(0.2) { bytes.removeLast(generator.below(bytes.count)) }
            try put(generator.chance(0.8) ? sealed(bytes) : bytes)
            if !read() { refused += 1 }
        }
        #expect(refused > 5)
    }

    @Test(arguments: Seed.batch(20))
    func `pages put in the place of others never stop the process`(seed: Seed) throws {
        var generator = seed.generator()
        let pages = original.count / 1024
        for _ in 0..<20 {
            var bytes = original
            for _ in 0..<generator.within(1...3) {
                let from = generator.within(2...pages - 1) * 1024
                let to = generator.within(2...pages - 1) * 1024
                // With or without its own number.
                let skipped = generator.chance(0.8) ? 8 : 0
                bytes.replaceSubrange(
                    to + skipped..<to + 1024,
                    with: bytes[from + skipped..<from + 1024]
                )
            }
            try put(bytes)
            _ = read()
        }
    }

    @Test(arguments: Seed.batch(20))
    func `random bytes behind whole meta pages never stop the process`(seed: Seed) throws {
        var generator = seed.generator()
        for _ in 0..<20 {
            var bytes = generator.bytes(generator.below(20_000))
            if generator.chance(0.8), bytes.count > 3_072 {
                bytes.replaceSubrange(0..<2_048, with: original[0..<2_048])
                bytes[32] = UInt8(generator.below(10))
                bytes[56] = UInt8(bytes.count / 1024)
                bytes[57] = 0
                let root = Int(bytes[32]) * 1024
                if root > 0, root + 16 < bytes.count {
                    bytes.replaceSubrange(
                        root..<root + 12,
                        with: [bytes[32], 0, 0, 0, 0, 0, 0, 0, UInt8(generator.below(3)), 0, 3, 0]
                    )
                }
            }
            try put(sealed(bytes))
            _ = read()
        }
    }

    @Test func `each of the two meta pages is enough`() throws {
        let whole = try readSnapshot(on: disk)
        for page in [0, 1] {
            var bytes = original
            bytes[page * 1024 + 40] ^= 1
            try put(bytes)
            let found = try readSnapshot(on: disk)
            #expect(found.buckets.map(\.rows) == whole.buckets.map(\.rows))
        }
        var bytes = original
        bytes[40] ^= 1
        bytes[1024 + 40] ^= 1
        try put(bytes)
        #expect(throws: BoltError.damaged(path: snapshotPath, page: 0, .noMeta)) {
            try readSnapshot(on: disk)
        }
    }

    @Test func `a branch that leads back to itself is an error, not a loop`() throws {
        var bytes = original
        let branch = try #require(
            (2..<bytes.count / 1024).last { bytes[$0 * 1024 + 8] == 1 }
        )
        // The child of the first element, 8 bytes into it.
        bytes[branch * 1024 + 24] = UInt8(truncatingIfNeeded: branch)
        bytes[branch * 1024 + 25] = UInt8(branch >> 8)
        try put(bytes)
        let error = #expect(throws: BoltError.self) { try readSnapshot(on: disk) }
        #expect(
            error == .damaged(path: snapshotPath, page: UInt64(branch), .usedTwice)
        )
    }

    @Test func `a page of a tree that is listed as free is an error`() throws {
        var bytes = original
        let freelist = bytes.count / 1024 - 1
        bytes[freelist * 1024 + 10] = 1
        bytes[freelist * 1024 + 16] = 2
        try put(bytes)
        #expect(throws: BoltError.damaged(path: snapshotPath, page: 2, .usedTwice)) {
            try readSnapshot(on: disk)
        }
    }

    @Test func `a file that is cut short is an error; what follows it is not read`() throws {
        try put(Array(original.dropLast()))
        let last = UInt64(original.count / 1024 - 1)
        #expect(throws: BoltError.damaged(path: snapshotPath, page: last, .truncated)) {
            try readSnapshot(on: disk)
        }
        try put(original + [UInt8](repeating: 9, count: 32))
        #expect(read())
    }

    @Test func `an error says what is wrong and where`() {
        let error = BoltError.damaged(path: "/a/db", page: 9, .outOfOrder)
        #expect(
            error.description
                == "the snapshot /a/db is damaged at page 9: the keys are not in order"
        )
    }
}
