import Raft
import Storage
import TestKit
import Testing

/// One scenario, with everything a log does in it; a crash at each of its writes and syncs; and of
/// each crash every state in which the disk may be found.
@Suite struct CrashMatrixTests {
    @Test func `every crash at every write and sync leaves a log that goes on`() throws {
        let scenario = try Scenario()
        #expect(scenario.moments.count > 70)
        var crashes = 0
        for (number, moment) in scenario.moments.enumerated() {
            try moment.disk.forEachPowerLoss(.bytes) { after, loss in
                crashes += 1
                try Recovery(after, moment.model).check("before change \(number), \(loss)")
            }
        }
        #expect(crashes > 10_000)
    }

    @Test func `a second crash while recovering from the first does no harm`() throws {
        var firstCrashes = 0
        var crashes = 0
        for (number, moment) in try Scenario().moments.enumerated() {
            try moment.disk.forEachPowerLoss(.sectors) { after, loss in
                firstCrashes += 1
                // Every third, to be done in seconds.
                guard firstCrashes % 3 == 0 else { return }
                crashes += try Recovery(after, moment.model).checkWithSecondCrash(
                    .sectors,
                    "before change \(number), \(loss)"
                )
            }
        }
        #expect(crashes > 2000)
    }

    @Test func `a log that acknowledges before it syncs is caught`() throws {
        // The canary: each acknowledgement comes one sync too early.
        let caught = try Scenario(acknowledgesEarly: true).moments.contains { moment in
            var isLost = false
            try moment.disk.forEachPowerLoss(.sectors) { after, _ in
                guard try WAL.exists(on: after, directory: walDirectory) else { return }
                let image = try openWAL(on: after).1.image
                if !moment.model.mayBeFound().contains(image) { isLost = true }
            }
            return isLost
        }
        #expect(caught)
    }

    @Test func `the power losses of a write are those that a disk can make`() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/d")
        let file = try disk.open("/d/f", .create)
        try file.write([UInt8](repeating: 1, count: 1024), at: 0)
        try file.sync()
        try disk.syncDirectory("/d")
        try file.write([UInt8](repeating: 2, count: 700), at: 300)
        var found: Set<[UInt8]> = []
        try disk.forEachPowerLoss(.sectors) { after, _ in found.insert(try after.read("/d/f")) }
        func content(_ twos: Range<Int>) -> [UInt8] {
            (0..<1024).map { twos.contains($0) ? 2 : 1 }
        }
        // Nothing, either sector, both.
        let sectors = [300..<300, 300..<512, 512..<1000, 300..<1000].map(content)
        #expect(found == Set(sectors))
        try disk.forEachPowerLoss(.bytes) { after, _ in found.insert(try after.read("/d/f")) }
        #expect(found == Set(sectors + (300...1000).map { content(300..<$0) }))

        try disk.rename("/d/f", to: "/d/g")
        var names: Set<[String]> = []
        try disk.forEachPowerLoss(.sectors) { after, _ in names.insert(try after.list("/d")) }
        #expect(names == [["f"], ["g"]])
    }
}

/// What a log does in its life, with the disk and the model before each change of the disk.
private struct Scenario {
    private let disk = MemoryDisk()
    private var model = LogModel()
    private var models: [(moment: Int, model: LogModel)] = []
    private let acknowledgesEarly: Bool

    /// The disk before each change, with what may be found on it.
    var moments: [(disk: MemoryDisk, model: LogModel)] {
        disk.moments.enumerated().map { number, disk in
            (disk, models.last { $0.moment <= number }?.model ?? LogModel())
        }
    }

    init(acknowledgesEarly: Bool = false) throws {
        self.acknowledgesEarly = acknowledgesEarly
        disk.recordMoments()
        var wal = try makeWAL(on: disk)
        note { $0.acknowledge() }

        // One record in a sector, up to its end, over it; a sync each.
        var last: UInt64 = 0
        for size in [0, 1, 100, 330, 512, 1100] {
            try append(to: wal, first: last + 1, sizes: [size], commit: last)
            try sync(wal)
            last += 1
        }
        // Several writes to one sync, from less than a sector to several.
        for sizes in [[40, 3, 90], [300], [10, 700]] {
            try append(to: wal, first: last + 1, sizes: sizes, commit: last)
            try wal.flush()
            last += UInt64(sizes.count)
        }
        try sync(wal)
        // Half a segment is full: the next one is being prepared, and then used.
        wal.prepareSpare()
        try append(to: wal, first: last + 1, sizes: [900, 30], commit: last)
        try sync(wal)
        last += 2
        #expect(try segmentFiles(on: disk).count == 2)

        try mark(wal, index: 6)
        // A new leader replaces the end.
        try append(to: wal, first: last, sizes: [50, 60], term: 4, commit: last - 1)
        try sync(wal)
        last += 1
        try wal.release(before: LogIndex(rawValue: 6))

        wal.close()
        wal = try openWAL(on: disk).0
        note { $0.acknowledge() }
        // More than a whole segment at once, then segments without a spare.
        try append(to: wal, first: last + 1, sizes: [4500], term: 4, commit: last)
        try sync(wal)
        last += 1
        try append(to: wal, first: last + 1, sizes: [2000, 2100], term: 4, commit: last)
        try sync(wal)
        last += 2
        try mark(wal, index: last - 1, term: 4)
        try wal.release(before: LogIndex(rawValue: last - 1))
        // An installed snapshot far ahead, with entries behind it in the same batch.
        last += 50
        try mark(wal, index: last, with: [20, 30])
        last += 2
        try wal.release(before: LogIndex(rawValue: last))
        try append(to: wal, first: last + 1, sizes: [200, 20], term: 5, commit: last)
        try sync(wal)
    }

    private mutating func append(
        to wal: WAL,
        first: UInt64,
        sizes: [Int],
        term: UInt64 = 3,
        commit: UInt64
    ) throws {
        var batch = LogBatch()
        for (position, size) in sizes.enumerated() {
            let index = first + UInt64(position)
            // No zeros in the data, which could hide where it was cut.
            batch.entries.append(entry(index, term: term, [UInt8](repeating: 0xE7, count: size)))
        }
        batch.hardState = state(term: term, vote: 0, commit: commit)
        note { $0.add(batch) }
        try wal.append(batch.entries, hardState: batch.hardState)
    }

    private mutating func mark(
        _ wal: WAL,
        index: UInt64,
        term: UInt64 = 3,
        with sizes: [Int] = []
    ) throws {
        let batch = LogBatch(marker: marker(index, term: term))
        note { $0.add(batch) }
        try wal.append(marker(index, term: term))
        if !sizes.isEmpty {
            try append(to: wal, first: index + 1, sizes: sizes, term: 4, commit: index)
        }
        try sync(wal)
    }

    private mutating func sync(_ wal: WAL) throws {
        if acknowledgesEarly { note { $0.acknowledge() } }
        try wal.sync()
        note { $0.acknowledge() }
    }

    private mutating func note(_ change: (inout LogModel) -> Void) {
        change(&model)
        models.append((disk.momentCount, model))
    }
}
