import Raft
import Storage
import TestKit
import Testing

@Suite struct PowerLossTests {
    @Test(arguments: MemoryDisk.Tear.allCases, Seed.batch(2))
    func `acknowledged entries survive power loss at any sync`(
        tear: MemoryDisk.Tear,
        seed: Seed
    ) throws {
        var syncs = 0
        while true {
            let disk = MemoryDisk(crashAfterSyncs: syncs)
            var model = LogModel()
            let isDone = try Workload.run(seed, groups: 30, on: disk, &model)
            for loss: UInt64 in 1...2 {
                let after = disk.afterPowerLoss(seed: seed.value << 20 + loss, tear: tear)
                try Recovery(after, model).check("after \(syncs) syncs, loss \(loss)")
            }
            if isDone { break }
            syncs += 1
        }
        #expect(syncs > 40, "the log rolled over several segments")
    }

    @Test(arguments: Seed.batch(40))
    func `making a log is all or nothing`(seed: Seed) throws {
        for syncs in 0...8 {
            let disk = MemoryDisk(crashAfterSyncs: syncs)
            let wal = try? makeWAL(on: disk)
            let after = disk.afterPowerLoss(seed: seed.value)
            if wal != nil {
                #expect(try WAL.exists(on: after, directory: walDirectory))
            }
            if try WAL.exists(on: after, directory: walDirectory) {
                #expect(try openWAL(on: after).1.image == LogModel.Image())
            } else {
                _ = try makeWAL(on: after)
                #expect(try !after.list("/data/member").contains("wal.tmp"))
            }
        }
    }

    @Test func `a log that never syncs loses what it was given`() throws {
        // The canary: were the memory disk too kind, the tests above would prove nothing.
        let lost = try (1...20 as ClosedRange<UInt64>).contains { seed in
            let disk = MemoryDisk()
            let wal = try makeWAL(on: disk)
            try wal.append(entries(1...30), hardState: nil)
            try wal.flush()
            return try openWAL(on: disk.afterPowerLoss(seed: seed)).1.entries.count < 30
        }
        #expect(lost)
    }

    @Test func `a torn tail is cut off and reported, and leaves no trace`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...3), hardState: state(commit: 0))
        try wal.sync()
        let end = try #require(try frames(on: disk).last).upperBound
        // A hole of one sector, then what is left of the frames written with it.
        try disk.overwrite(
            lastSegment(on: disk),
            at: Int64((end / 512 + 1) * 512),
            with: [1, 2, 3]
        )
        let (reopened, contents) = try openWAL(on: disk)
        #expect(contents.entries == entries(1...3))
        #expect(contents.tornTail?.offset == Int64(end))
        reopened.close()
        #expect(try disk.read(lastSegment(on: disk)).count == end)
        #expect(try openWAL(on: disk).1.tornTail == nil)
    }

    /// A file that grows can end anywhere, also in the padding of the last record.
    @Test func `a write that was cut off anywhere in its frame is torn`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...3), hardState: nil)
        try wal.sync()
        wal.close()
        let last = try #require(try frames(on: disk).last)
        for end in (last.lowerBound + 1..<last.upperBound).reversed() {
            let copy = disk.afterPowerLoss(seed: 1, tear: .everything)
            let file = try copy.open(lastSegment(on: copy), .write)
            try file.truncate(to: Int64(end))
            try file.sync()
            let contents = try openWAL(on: copy).1
            #expect(contents.entries == entries(1...2), "cut at \(end) of \(last)")
            #expect(contents.tornTail?.offset == Int64(last.lowerBound))
        }
    }

    @Test func `a hole far before the end is damage`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...3), hardState: nil)
        try wal.sync()
        let end = Int64(try #require(try frames(on: disk).last).upperBound)
        try disk.overwrite(lastSegment(on: disk), at: end + (17 << 20), with: [1])
        let error = #expect(throws: WALError.self) { try openWAL(on: disk) }
        guard case .corrupt(_, end, LogIndex(rawValue: 4), _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `damage names the file, the offset and the entry, and changes nothing`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...5), hardState: state(commit: 2))
        try wal.sync()
        let path = try lastSegment(on: disk)
        // Checksum, metadata and marker come first.
        let third = try frames(on: disk)[5]
        try disk.rot(path, at: Int64(third.lowerBound + 40), bit: 3)
        let before = try disk.read(path)
        let error = #expect(throws: WALError.self) { try openWAL(on: disk) }
        guard case .corrupt(path, Int64(third.lowerBound), LogIndex(rawValue: 3), _)? = error
        else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try disk.read(path) == before)
    }
}

/// Where the frames of the last segment lie.
func frames(on disk: MemoryDisk) throws -> [Range<Int>] {
    let bytes = try disk.read(lastSegment(on: disk))
    var frames: [Range<Int>] = []
    var at = 0
    while at + 8 <= bytes.count {
        let count = (0..<7).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
        if count == 0 { break }
        let end = at + 8 + (count + 7) / 8 * 8
        frames.append(at..<end)
        at = end
    }
    return frames
}
