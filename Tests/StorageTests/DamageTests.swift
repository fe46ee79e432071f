import Raft
import Storage
import TestKit
import Testing

/// A log with any damage is read as an exact prefix of what was written, or refused.
@Suite struct DamageTests {
    @Test(arguments: Seed.batch(3))
    func `a flipped bit gives an exact prefix or an error`(seed: Seed) throws {
        let original = MemoryDisk()
        var model = LogModel()
        _ = try Workload.run(seed, groups: 25, on: original, &model)
        let images = Set(model.imagesOfPrefixes().map(\.testKey))
        var generator = seed.generator()
        var refused = 0
        for _ in 0..<200 {
            let disk = original.afterPowerLoss(seed: 0, tear: .everything)
            let path = walDirectory + "/" + generator.pick(try segmentFiles(on: disk))
            let size = try disk.status(path)?.size ?? 0
            let offset = Int64(generator.below(Int(size)))
            let bit = generator.below(8)
            try disk.rot(path, at: offset, bit: bit)
            do {
                let found = try WAL.read(on: disk, directory: walDirectory).image
                #expect(images.contains(found.testKey), "\(path) byte \(offset) bit \(bit)")
            } catch {
                refused += 1
            }
        }
        #expect(refused > 50)
    }

    @Test(arguments: Seed.batch(6))
    func `a flipped bit before the last write is never taken for a torn write`(seed: Seed) throws {
        let original = MemoryDisk()
        let wal = try makeWAL(on: original, segmentSize: 16 << 10)
        try wal.append(entries(1...40), hardState: state(commit: 20))
        try wal.sync()
        let all = try frames(on: original)
        let path = try lastSegment(on: original)
        var generator = seed.generator()
        for _ in 0..<150 {
            let disk = original.afterPowerLoss(seed: 0, tear: .everything)
            let frame = all[3 + generator.below(all.count - 5)]
            // Padding carries nothing, and is not protected.
            let offset = frame.lowerBound + generator.below(frame.count - 7)
            let bit = generator.below(8)
            try disk.rot(path, at: Int64(offset), bit: bit)
            #expect(throws: WALError.self, "byte \(offset) bit \(bit) of \(frame)") {
                try WAL.read(on: disk, directory: walDirectory)
            }
        }
    }

    @Test(arguments: Seed.batch(200))
    func `random bytes never stop the process`(seed: Seed) throws {
        var generator = seed.generator()
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...3), hardState: state(commit: 2))
        try wal.sync()
        let path = try lastSegment(on: disk)
        let end = try #require(try frames(on: disk).last).upperBound
        let at = generator.chance(0.5) ? end : generator.below(end)
        var junk = generator.bytes(generator.below(1500))
        if generator.chance(0.5), junk.count > 8 {
            // A length that could be one.
            junk.replaceSubrange(0..<8, with: [UInt8(generator.below(256)), 0, 0, 0, 0, 0, 0, 0])
        }
        try disk.overwrite(path, at: Int64(at), with: junk)
        if let contents = try? WAL.read(on: disk, directory: walDirectory) {
            #expect(entries(1...3).starts(with: contents.entries))
        }
    }

    @Test(arguments: Seed.batch(100))
    func `a file cut short anywhere gives a prefix or an error`(seed: Seed) throws {
        var generator = seed.generator()
        let disk = MemoryDisk()
        let wal = try makeWAL(on: disk)
        try wal.append(entries(1...8), hardState: nil)
        try wal.sync()
        let end = try #require(try frames(on: disk).last).upperBound
        let file = try disk.open(lastSegment(on: disk), .write)
        try file.truncate(to: Int64(generator.below(end)))
        if let contents = try? openWAL(on: disk).1 {
            #expect(entries(1...8).starts(with: contents.entries))
        }
    }
}

extension LogModel.Image {
    /// For looking up in a set.
    var testKey: String { "\(marker.index) \(state) \(entries.map { "\($0.term)/\($0.index)" })" }
}
