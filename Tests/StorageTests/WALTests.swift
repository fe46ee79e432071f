import Raft
import Storage
import TestKit
import Testing

@Suite struct WALTests {
    @Test func `the first segment has the bytes that etcd writes`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append([entry(1, term: 2, [0x61, 0x62])], hardState: state(term: 2, commit: 1))
        try wal.sync()
        let bytes = try disk.read(lastSegment(on: disk))
        // Length 4, padding 4: type 4, crc 0 and no data.
        #expect(bytes.prefix(16) == [4, 0, 0, 0, 0, 0, 0, 0x84, 8, 4, 16, 0, 0, 0, 0, 0])
        // type 1, crc of "who", data "who".
        #expect(bytes[16..<24] == [13, 0, 0, 0, 0, 0, 0, 0x83])
        #expect(bytes[24..<27] == [8, 1, 16])
        #expect(Array(bytes[32..<40]) == [26, 3] + Array("who".utf8) + [0, 0, 0])
        #expect(try segmentFiles(on: disk) == ["0000000000000000-0000000000000000.wal"])
    }

    @Test func `what was written is read back after reopening`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...5), hardState: state(commit: 3))
        try wal.sync()
        let (_, contents) = try openWAL(on: disk)
        #expect(contents.metadata == Array("who".utf8))
        #expect(contents.entries == entries(1...5))
        #expect(contents.hardState == state(commit: 3))
        #expect(contents.snapshots == [.zero])
        #expect(contents.tornTail == nil)
        #expect(contents.lastIndex == LogIndex(rawValue: 5))
    }

    @Test func `a later entry replaces the one of its index and all behind it`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...9), hardState: state(commit: 3))
        try wal.append(entries(5...6, term: 4), hardState: state(term: 4, commit: 3))
        try wal.sync()
        let contents = try WAL.read(on: disk, directory: walDirectory)
        #expect(contents.entries == entries(1...4) + entries(5...6, term: 4))
        #expect(wal.lastIndex == LogIndex(rawValue: 6))
    }

    @Test func `a full segment is followed by one that continues it`() throws {
        let disk = MemoryDisk()
        var wal = try makeWAL(on: disk)
        for index: UInt64 in 1...100 {
            try wal.append(entries(index...index), hardState: state(commit: index - 1))
            try wal.sync()
            if index % 30 == 0 {
                wal.close()
                wal = try openWAL(on: disk).0
            }
        }
        let files = try segmentFiles(on: disk)
        #expect(files.count > 3)
        #expect(files[1].hasPrefix("0000000000000001-"))
        let contents = try WAL.read(on: disk, directory: walDirectory)
        #expect(contents.entries == entries(1...100))
        #expect(contents.hardState == state(commit: 99))
    }

    @Test func `reading starts behind the marker asked for`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...100), hardState: state(commit: 90))
        try wal.save(marker(50))
        try wal.append(entries(101...110), hardState: state(commit: 110))
        try wal.sync()
        #expect(try openWAL(on: disk, from: marker(50)).1.entries == entries(51...110))
        #expect(try openWAL(on: disk, from: .zero).1.entries == entries(1...110))
        #expect(try openWAL(on: disk).1.marker == marker(50))
        #expect(throws: WALError.self) { try openWAL(on: disk, from: marker(51)) }
        #expect(throws: WALError.self) { try openWAL(on: disk, from: marker(50, term: 4)) }
    }

    @Test func `a marker that the commit index does not cover is passed over`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...10), hardState: state(commit: 10))
        try wal.save(marker(10))
        try wal.save(marker(500))
        let contents = try openWAL(on: disk).1
        #expect(contents.marker == marker(10))
        #expect(contents.snapshots == [.zero, marker(10), marker(500)])
    }

    @Test func `entries may continue from an installed snapshot`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...10), hardState: state(commit: 10))
        try wal.append(marker(500))
        try wal.append(entries(501...502), hardState: state(commit: 501))
        try wal.sync()
        let contents = try openWAL(on: disk).1
        #expect(contents.marker == marker(500))
        #expect(contents.entries == entries(501...502))
    }

    @Test func `an installed snapshot counts once the commit index covers it, and not before`()
        throws
    {
        let disk = MemoryDisk()
        var wal = try makeWAL(on: disk)
        try wal.append(entries(1...10), hardState: state(commit: 8))
        // Cut off by a crash before the state that goes with it.
        try wal.append(marker(500))
        try wal.append(entries(501...502), hardState: nil)
        try wal.sync()
        let contents: WAL.Contents
        (wal, contents) = try openWAL(on: disk)
        #expect(contents.marker == .zero)
        #expect(contents.entries == entries(1...10))
        // The log goes on from where it was, and passes the index of the marker.
        try wal.append(entries(11...520, bytes: 1), hardState: state(commit: 510))
        try wal.sync()
        let later = try openWAL(on: disk).1
        #expect(later.marker == .zero)
        #expect(later.entries == entries(1...10) + entries(11...520, bytes: 1))
    }

    @Test func `a log that begins with an installed snapshot may be cut off there`() throws {
        let disk = MemoryDisk()
        var wal = try makeWAL(on: disk)
        try wal.append(marker(500))
        try wal.append(entries(501...502), hardState: nil)
        try wal.sync()
        let contents: WAL.Contents
        (wal, contents) = try openWAL(on: disk)
        #expect(contents.image == LogModel.Image())
        // The snapshot is sent again, a newer one.
        try wal.append(marker(600))
        try wal.append(entries(601...602), hardState: state(commit: 600))
        try wal.sync()
        #expect(try openWAL(on: disk).1.marker == marker(600))
        #expect(try openWAL(on: disk).1.entries == entries(601...602))
    }

    @Test func `segments go when a durable marker has passed them, and the rest still opens`()
        throws
    {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        for index: UInt64 in 1...200 {
            try wal.append(entries(index...index), hardState: state(commit: index))
            try wal.sync()
        }
        let all = try segmentFiles(on: disk)
        try wal.release(before: LogIndex(rawValue: 200))
        #expect(try segmentFiles(on: disk) == all, "no marker yet")

        try wal.save(marker(150))
        try wal.release(before: LogIndex(rawValue: 100))
        let some = try segmentFiles(on: disk)
        #expect(some.count < all.count && all.hasSuffix(some))
        #expect(try openWAL(on: disk).1.entries == entries(151...200))

        try wal.release(before: LogIndex(rawValue: 200))
        let few = try segmentFiles(on: disk)
        #expect(few.count < some.count && all.hasSuffix(few))
        #expect(try openWAL(on: disk, from: marker(150)).1.entries == entries(151...200))
        #expect(throws: WALError.self) { try openWAL(on: disk, from: .zero) }
    }

    @Test func `a marker not yet covered by a durable commit releases nothing`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        for index: UInt64 in 1...200 {
            try wal.append(entries(index...index), hardState: state(commit: 1))
            try wal.sync()
        }
        try wal.save(marker(150))
        let all = try segmentFiles(on: disk)
        try wal.release(before: LogIndex(rawValue: 150))
        #expect(try segmentFiles(on: disk) == all)
        try wal.append([], hardState: state(commit: 150))
        try wal.sync()
        try wal.release(before: LogIndex(rawValue: 150))
        #expect(try segmentFiles(on: disk).count < all.count)
    }

    @Test func `a missing segment is noticed`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...100), hardState: state(commit: 0))
        for index: UInt64 in 101...200 {
            try wal.append(entries(index...index), hardState: state(commit: index))
            try wal.sync()
        }
        let files = try segmentFiles(on: disk)
        try disk.remove(walDirectory + "/" + files[files.count / 2])
        #expect(throws: WALError.self) { try openWAL(on: disk) }
    }

    @Test func `a log is made once and is absent before`() throws {
        let disk = MemoryDisk()
        #expect(try !WAL.exists(on: disk, directory: walDirectory))
        #expect(throws: WALError.absent(directory: walDirectory)) { try openWAL(on: disk) }
        _ = try makeWAL(on: disk)
        #expect(try WAL.exists(on: disk, directory: walDirectory))
        #expect(throws: WALError.exists(directory: walDirectory)) { try makeWAL(on: disk) }
    }

    @Test func `a failed sync is final`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...2), hardState: state(commit: 0))
        try wal.sync()
        disk.failSync()
        try wal.append(entries(3...3), hardState: nil)
        let first = #expect(throws: WALError.self) { try wal.sync() }
        guard case .disk(let error)? = first else {
            Issue.record("\(String(describing: first))")
            return
        }
        #expect(error.kind == .ioFailure)
        for attempt in [
            { try wal.sync() }, { try wal.flush() }, { try wal.save(marker(1)) },
            { try wal.append(entries(4...4), hardState: nil) },
        ] as [() throws -> Void] {
            let later = #expect(throws: WALError.self) { try attempt() }
            guard case .poisoned? = later else {
                Issue.record("\(String(describing: later))")
                continue
            }
        }
        #expect(try openWAL(on: disk.afterPowerLoss(seed: 1)).1.entries == entries(1...2))
    }

    /// The system shows what a failed sync should have written, and never writes it.
    @Test func `what a failed sync lost is written again when the log is opened`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...2), hardState: state(commit: 0))
        try wal.sync()
        disk.failSync()
        try wal.append(entries(3...3), hardState: nil)
        #expect(throws: WALError.self) { try wal.sync() }
        wal.close()
        let (reopened, contents) = try openWAL(on: disk)
        #expect(contents.entries == entries(1...3))
        // From here on entry 3 may have been acknowledged.
        try reopened.append(entries(4...4), hardState: nil)
        try reopened.sync()
        let after = disk.afterPowerLoss(seed: 1, tear: .nothing)
        #expect(try openWAL(on: after).1.entries == entries(1...4))
    }

    @Test func `a full disk is an error and what was acknowledged stays`() throws {
        let disk = MemoryDisk(capacity: 100_000)
        let wal = try makeWAL(on: disk, segmentSize: 1 << 20)
        var acknowledged: UInt64 = 0
        let error = #expect(throws: WALError.self) {
            for index: UInt64 in 1...2000 {
                try wal.append(entries(index...index), hardState: nil)
                try wal.sync()
                acknowledged = index
            }
        }
        guard case .disk(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.kind == .noSpace)
        #expect(acknowledged > 100)
        let read = try WAL.read(on: disk.afterPowerLoss(seed: 3), directory: walDirectory)
        #expect(read.entries.count >= Int(acknowledged))
    }

    @Test func `the spare segment becomes the next one, zeroed`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk, segmentSize: 1 << 20)
        for index: UInt64 in 1...90 {
            try wal.append(entries(index...index, bytes: 10_000), hardState: nil)
            try wal.sync()
            wal.prepareSpare()
        }
        #expect(try disk.list(walDirectory).contains("1.tmp"))
        for index: UInt64 in 91...120 {
            try wal.append(entries(index...index, bytes: 10_000), hardState: nil)
            try wal.sync()
        }
        #expect(try segmentFiles(on: disk).count == 2)
        #expect(try !disk.list(walDirectory).contains("1.tmp"))
        #expect(try disk.status(lastSegment(on: disk))?.size == 1 << 20)
        #expect(try WAL.read(on: disk, directory: walDirectory).entries.count == 120)
    }
}

extension [String] {
    fileprivate func hasSuffix(_ other: [String]) -> Bool {
        Array(suffix(other.count)) == other
    }
}
