import Raft
import Storage
import TestKit
import Testing

/// From whose data a cluster without a majority is rebuilt.
@Suite struct SurvivorTests {
    /// Member 0xA1 of cluster 0xC1.
    private static let metadata: [UInt8] = [0x08, 0xA1, 0x01, 0x10, 0xC1, 0x01]

    private func makeLog(
        on disk: any Disk,
        _ entries: [Entry],
        state: HardState?,
        metadata: [UInt8] = SurvivorTests.metadata
    ) throws -> WAL {
        let wal = try WAL.create(
            on: disk,
            directory: walDirectory,
            metadata: metadata,
            segmentSize: smallSegment
        )
        try wal.append(entries, hardState: state)
        try wal.sync()
        return wal
    }

    private func survivor(_ entries: [Entry], state: HardState?) throws -> Survivor {
        let disk = MemoryDisk()
        try makeLog(on: disk, entries, state: state).close()
        return try Survivor.read(dataDirectory: "/data", on: disk)
    }

    @Test func `a directory tells who it was and how far its log goes`() throws {
        let found = try survivor(entries(1...7), state: state(term: 3, vote: 0xA1, commit: 5))
        #expect(found.engine == .embedded)
        #expect(found.memberID == 0xA1)
        #expect(found.clusterID == 0xC1)
        #expect((found.term, found.vote, found.commit) == (3, 0xA1, 5))
        #expect(found.last == Survivor.Position(term: 3, index: 7))
        #expect(found.undecidedEntries == 2)
        #expect(found.tornTail == nil)
    }

    @Test func `safety rule 3, the newest log is that with the last entry of the highest term`()
        throws
    {
        // Cut off, and a candidate ever since: its term says nothing.
        let candidate = try survivor(entries(1...4, term: 2), state: state(term: 9, commit: 4))
        let follower = try survivor(entries(1...6), state: state(term: 3, commit: 6))
        let newest = try survivor(entries(1...7), state: state(term: 3, commit: 5))
        let longest = try survivor(entries(1...900, term: 2), state: state(term: 2, commit: 900))
        #expect([candidate, follower, newest, longest].max()?.last == newest.last)
        #expect([newest, longest, candidate, follower].max()?.last == newest.last)
        #expect(candidate < longest)
        #expect(longest < follower)
        #expect(follower < newest)
        #expect(newest == newest)
    }

    @Test func `a log that begins with a snapshot and has nothing behind it ends there`() throws {
        let disk = MemoryDisk()
        let wal = try makeLog(on: disk, entries(1...3), state: state(commit: 3))
        try wal.append(marker(500, term: 8))
        try wal.append([], hardState: state(term: 8, vote: 0, commit: 500))
        try wal.sync()
        wal.close()
        let found = try Survivor.read(dataDirectory: "/data/", on: disk)
        #expect(found.last == Survivor.Position(term: 8, index: 500))
        #expect(found.undecidedEntries == 0)
    }

    @Test func `a torn write at the end is told and does not count`() throws {
        let disk = MemoryDisk()
        let wal = try makeLog(on: disk, entries(1...3), state: state(commit: 3))
        let end = wal.tailPosition
        try wal.append(entries(4...4), hardState: nil)
        try wal.sync()
        wal.close()
        let file = try disk.open(try lastSegment(on: disk), .write)
        try file.write([UInt8](repeating: 0, count: 200), at: end + 40)
        let found = try Survivor.read(dataDirectory: "/data", on: disk)
        #expect(found.last.index == 3)
        #expect(found.tornTail?.offset == end)
    }

    @Test func `damage, an empty place and what cannot be read are three things`() throws {
        let disk = MemoryDisk()
        #expect(throws: WALError.absent(directory: "/data/member/wal")) {
            try Survivor.read(dataDirectory: "/data", on: disk)
        }
        try makeLog(on: disk, entries(1...20), state: state(commit: 20)).close()
        try disk.rot(try lastSegment(on: disk), at: 700, bit: 3)
        let damaged = #expect(throws: WALError.self) {
            try Survivor.read(dataDirectory: "/data", on: disk)
        }
        guard case .corrupt(_, let offset, _, _) = damaged else {
            Issue.record("\(String(describing: damaged))")
            return
        }
        #expect(offset > 500 && offset <= 700)
        disk.failPower(afterSyncs: 0)
        #expect(throws: DiskError.self) { try disk.syncDirectory("/data") }
        let unknown = #expect(throws: WALError.self) {
            try Survivor.read(dataDirectory: "/data", on: disk)
        }
        guard case .disk = unknown else {
            Issue.record("\(String(describing: unknown))")
            return
        }
    }

    @Test(arguments: [[], [0x08, 0x00], [0x08, 0xA1], [0xFF], [0x0A, 0x02, 1, 2]] as [[UInt8]])
    func `a log of nobody is damage`(metadata: [UInt8]) throws {
        let disk = MemoryDisk()
        try makeLog(on: disk, entries(1...3), state: nil, metadata: metadata).close()
        let error = #expect(throws: WALError.self) {
            try Survivor.read(dataDirectory: "/data", on: disk)
        }
        guard case .corrupt = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

/// The one record that is ever added to a log whose member does not run.
@Suite struct RaiseCommitTests {
    private func raise(_ disk: MemoryDisk) throws -> WAL.Raise {
        try WAL.raiseCommit(on: disk, directory: walDirectory, segmentSize: smallSegment)
    }

    @Test func `safety rule 3, everything in the log counts as committed`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...9), hardState: state(commit: 4))
        try wal.sync()
        wal.close()
        let raised = try raise(disk)
        #expect(raised.before == state(commit: 4))
        #expect((raised.lastIndex.rawValue, raised.lastTerm.rawValue) == (9, 3))
        #expect(raised.entries == 5)
        let contents = try WAL.read(on: disk, directory: walDirectory)
        #expect(contents.hardState == state(commit: 9))
        #expect(contents.entries == entries(1...9))
        let moments = disk.syncs
        #expect(try raise(disk).entries == 0)
        #expect(try WAL.read(on: disk, directory: walDirectory).image == contents.image)
        #expect(disk.syncs > moments)
    }

    @Test func `the term of entries whose state was lost is made up for`() throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...2), hardState: state(term: 3, vote: 0xB2, commit: 2))
        try wal.append(entries(3...3, term: 5), hardState: nil)
        try wal.sync()
        wal.close()
        _ = try raise(disk)
        let contents = try WAL.read(on: disk, directory: walDirectory)
        #expect(contents.hardState == state(term: 5, vote: 0, commit: 3))
    }

    @Test(arguments: [false, true])
    func `a crash while it is raised leaves the commit index of before or after`(
        isFull: Bool
    ) throws {
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        // With a full segment the record is the first of the next one.
        try wal.append(entries(1...9, bytes: isFull ? 440 : 60), hardState: state(commit: 4))
        try wal.sync()
        wal.close()
        disk.recordMoments()
        _ = try raise(disk)
        let done = disk.momentCount
        var found: Set<UInt64> = []
        for (number, moment) in disk.moments.enumerated() {
            try moment.forEachPowerLoss(.bytes) { after, loss in
                let contents = try WAL.read(on: after, directory: walDirectory)
                found.insert(contents.hardState.commit.rawValue)
                if contents.entries != entries(1...9, bytes: isFull ? 440 : 60) {
                    Issue.record("before change \(number), \(loss): \(contents.lastIndex)")
                }
                if number == done, contents.hardState.commit.rawValue != 9 {
                    Issue.record("not durable: \(loss)")
                }
                _ = try raise(after)
                let again = try WAL.read(on: after, directory: walDirectory)
                if again.hardState.commit.rawValue != 9 { Issue.record("not raised: \(loss)") }
            }
        }
        #expect(found == [4, 9])
    }
}

/// What keeps the data of a cluster that was rebuilt from coming back.
@Suite struct RetiredStampTests {
    private let disk = MemoryDisk()
    private let stamp = RetiredStamp(
        why: "a majority was lost: rebuilt from b",
        when: "2026-11-22T10:15:00Z",
        incarnation: "cluster 5c1f"
    )

    init() throws {
        try disk.createDirectory("/data")
    }

    @Test func `a stamp says why, when and for whom, and the first one stays`() throws {
        let none = try RetiredStamp.read(fromDataDirectory: "/data", on: disk)
        #expect(none == nil)
        try stamp.write(toDataDirectory: "/data/", on: disk)
        let text = String(decoding: try disk.read("/data/retired"), as: UTF8.self)
        #expect(
            text == """
                why: a majority was lost: rebuilt from b
                when: 2026-11-22T10:15:00Z
                incarnation: cluster 5c1f

                """
        )
        try RetiredStamp(why: "another", when: "", incarnation: "")
            .write(toDataDirectory: "/data", on: disk)
        #expect(try RetiredStamp.read(fromDataDirectory: "/data", on: disk) == stamp)
    }

    @Test(arguments: ["", "\n", "moved to b\n", "why:", "when: x", "\u{FF}\n::"])
    func `a stamp by hand counts, whatever it says`(text: String) throws {
        try disk.replace("/data/retired", with: Array(text.utf8))
        let found = try #require(try RetiredStamp.read(fromDataDirectory: "/data", on: disk))
        if text.hasPrefix("moved") { #expect(found.why == "moved to b") }
    }

    @Test func `what took the name of a stamp counts as well`() throws {
        try disk.createDirectory("/data/retired")
        #expect(try RetiredStamp.read(fromDataDirectory: "/data", on: disk) != nil)
    }

    @Test func `a value of several lines stays on one`() throws {
        try RetiredStamp(why: "a\nwhen: never", when: "now", incarnation: "")
            .write(toDataDirectory: "/data", on: disk)
        let found = try RetiredStamp.read(fromDataDirectory: "/data", on: disk)
        #expect(found?.why == "a when: never")
        #expect(found?.when == "now")
    }

    @Test func `a crash leaves a whole stamp or none, and a stamp that was promised`() throws {
        disk.recordMoments()
        try stamp.write(toDataDirectory: "/data", on: disk)
        let done = disk.momentCount
        for (number, moment) in disk.moments.enumerated() {
            try moment.forEachPowerLoss(.sectors) { after, loss in
                let found = try RetiredStamp.read(fromDataDirectory: "/data", on: after)
                if found != nil ? found != stamp : number == done {
                    Issue.record("before change \(number), \(loss): \(String(describing: found))")
                }
            }
        }
    }
}
