import Storage
import TestKit
import Testing

/// bbolt files: what is written is found again, whatever its sizes.
@Suite struct BoltTests {
    private func expectEqual(_ found: Buckets, _ written: Buckets) {
        #expect(found.map(\.name) == written.map(\.name))
        for (left, right) in zip(found, written) {
            #expect(left.rows.count == right.rows.count, "\(left.name)")
            #expect(left.rows == right.rows, "\(left.name)")
        }
    }

    @Test(arguments: Seed.batch(40))
    func `what is written is read back, and no page is lost`(seed: Seed) throws {
        var generator = seed.generator()
        let disk = try memoryDisk()
        let pageSize = generator.pick([1024, 4096, 4096, 4096, 16384, 65536])
        var buckets: Buckets = []
        for number in 0..<generator.below(8) {
            let count = generator.pick([0, 1, 2, 20, generator.below(3_000)])
            let valueMax = generator.pick([0, 10, 5_000, count > 500 ? 2_000 : 100_000])
            buckets.append(("bucket\(number)", generator.rows(count, valueMax: valueMax)))
        }
        let size = try makeSnapshot(buckets, on: disk, pageSize: pageSize)
        #expect(size % Int64(pageSize) == 0)
        #expect(try disk.status(snapshotPath)?.size == size)
        let found = try readSnapshot(on: disk)
        #expect(found.leakedPages == 0)
        expectEqual(found.buckets, buckets)
    }

    @Test(arguments: [3, 700, 1_500, 5_000])
    func `a tree of any size has no branch with a single child`(keyBytes: Int) throws {
        let disk = try memoryDisk()
        let counts = Array(0...40) + (keyBytes < 10 ? [100, 1_000, 3_000] : [100, 1_000])
        var most = 0
        for count in counts {
            let rows = (0..<count).map { row($0, keyBytes: keyBytes) }
            _ = try makeSnapshot([("key", rows)], on: disk)
            let children = branchSizes(try disk.read(snapshotPath))
            #expect(children.allSatisfy { $0 >= 2 }, "\(count) rows")
            most = max(most, children.count)
            expectEqual(try readSnapshot(on: disk).buckets, [("key", rows)])
        }
        #expect(most > 2)
    }

    /// Row number `number`; those with short keys have long values, so that leaves are many.
    private func row(_ number: Int, keyBytes: Int) -> Row {
        var key = [UInt8](repeating: 7, count: keyBytes - 3)
        for shift in [16, 8, 0] { key.append(UInt8(truncatingIfNeeded: number >> shift)) }
        return Row(key: key, value: [UInt8](repeating: 1, count: keyBytes < 10 ? 2_000 : 9))
    }

    /// The numbers of children of all branch pages.
    private func branchSizes(_ bytes: [UInt8]) -> [Int] {
        var sizes: [Int] = []
        var page = 2
        while page * 4096 < bytes.count {
            let head = bytes[page * 4096..<page * 4096 + 16].map(Int.init)
            if head[8] == 1 { sizes.append(head[10] + head[11] << 8) }
            page += 1 + head[12] + head[13] << 8
        }
        return sizes
    }

    @Test func `a small bucket has the bytes that bbolt's own have`() throws {
        let disk = try memoryDisk()
        let rows = [
            Row(key: Array("a".utf8), value: Array("1".utf8)),
            Row(key: Array("bc".utf8), value: Array("23".utf8)),
        ]
        #expect(try makeSnapshot([("b", rows)], on: disk) == 4 * 4096)
        let bytes = try disk.read(snapshotPath)
        let root = Array(bytes[8192..<8192 + 103])
        // Page 2, a leaf, one element: a bucket, 16 bytes on, key 1, value 16 + 16 + 32 + 6.
        #expect(root.prefix(16) == [2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0])
        #expect(root[16..<32] == [1, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 70, 0, 0, 0])
        #expect(root[32] == UInt8(ascii: "b"))
        #expect(root[33..<49].allSatisfy { $0 == 0 })
        #expect(root[49..<65] == [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0])
        #expect(root[65..<81] == [0, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
        #expect(root[81..<97] == [0, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0])
        #expect(root[97...] == [0x61, 0x31, 0x62, 0x63, 0x32, 0x33])
        // The freelist is a page, and empty.
        #expect(
            Array(bytes[3 * 4096..<3 * 4096 + 16])
                == [3, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0]
        )
    }

    @Test func `a bucket can be walked from its start twice, and only as far as wanted`() throws {
        let disk = try memoryDisk()
        var generator = Seed(1).generator()
        let rows = generator.rows(500, valueMax: 100)
        _ = try makeSnapshot([("a", rows), ("b", rows)], on: disk)
        let reader = try BoltReader(disk.open(snapshotPath, .read))
        for wanted in [3, 200, 500] {
            var seen: [Row] = []
            try reader.forEachRow(of: "a") { key, value in
                seen.append(Row(key: copy(key), value: copy(value)))
                return seen.count < wanted
            }
            #expect(seen == Array(rows.prefix(wanted)))
        }
        #expect(try reader.forEachRow(of: "b") { _, _ in true })
        #expect(try !reader.forEachRow(of: "c") { _, _ in true })
        #expect(reader.leakedPages == 0)
    }

    @Test func `what is out of order or too large is refused`() throws {
        let disk = try memoryDisk()
        let writer = BoltWriter(try disk.open(snapshotPath, .createOrOpen))
        try writer.begin(bucket: "key")
        try writer.add([2], [])
        #expect(throws: BoltError.outOfOrder(bucket: "key")) { try writer.add([2], []) }
        #expect(throws: BoltError.outOfOrder(bucket: "key")) { try writer.add([1], []) }
        #expect(throws: BoltError.outOfOrder(bucket: "auth")) { try writer.begin(bucket: "auth") }
        #expect(throws: BoltError.badRow(bucket: "key", keyBytes: 0, valueBytes: 1)) {
            try writer.add([], [1])
        }
        let long = [UInt8](repeating: 9, count: 32_769)
        #expect(throws: BoltError.badRow(bucket: "key", keyBytes: 32_769, valueBytes: 0)) {
            try writer.add(long, [])
        }
    }

    @Test func `a file is no database before it is finished`() throws {
        let disk = try memoryDisk()
        let file = try disk.open(snapshotPath, .createOrOpen)
        let writer = BoltWriter(file)
        try writer.begin(bucket: "key")
        for number in 0..<5_000 as Range<UInt32> {
            let key = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
            try writer.add(key, [UInt8](repeating: 1, count: 300))
        }
        #expect(try file.size() > 1 << 20)
        #expect(throws: BoltError.damaged(path: snapshotPath, page: 0, .noMeta)) {
            try BoltReader(file)
        }
        _ = try writer.finish()
        #expect(try BoltReader(file).bucketNames == ["key"])
    }

    @Test func `a full disk is an error`() throws {
        let disk = try memoryDisk()
        disk.setCapacity(500_000)
        var generator = Seed(1).generator()
        let rows = generator.rows(2_000, valueMax: 3_000)
        let error = #expect(throws: BoltError.self) { try makeSnapshot([("key", rows)], on: disk) }
        guard case .disk(let cause) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.kind == .noSpace)
    }
}
