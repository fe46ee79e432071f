import Raft
import Storage
import TestKit
import Testing

/// Logs with any damage: refused, or read as a beginning of what was written. `FUZZ_SECONDS=n` and
/// `SEED=n` as in `Fuzz`.
@Suite struct WALFuzzTests {
    /// A log in a few segments and what it may be read as.
    private struct Original {
        let files: [(name: String, bytes: [UInt8])]
        let images: Set<String>

        init(_ seed: Seed) throws {
            let disk = MemoryDisk()
            var model = LogModel()
            _ = try Workload.run(seed, groups: 25, on: disk, &model)
            files = try segmentFiles(on: disk).map { name in
                (name, try disk.read("\(walDirectory)/\(name)"))
            }
            images = Set(model.imagesOfPrefixes().map(\.testKey))
        }
    }

    @Test(arguments: Fuzz.seeds)
    func `a damaged directory is refused or read as a beginning, and repaired for good`(
        seed: Seed
    ) throws {
        let original = try Original(seed)
        let mutation = Mutation(words: frameWords, maxCount: 1 << 17)
        var opened = 0
        try Fuzz.run(seed, rounds: 4000) { generator in
            var files = original.files
            for _ in 0...generator.below(2) {
                damage(&files, mutation, &generator)
            }
            let disk = try directory(of: files)
            guard let (wal, contents) = try? openWAL(on: disk) else { return }
            opened += 1
            let name = "\(contents.marker.index) \(contents.image.testKey.prefix(200))"
            if !original.images.contains(contents.image.testKey) {
                Issue.record("read as what never was: \(name)")
            }
            wal.close()
            let (again, same) = try openWAL(on: disk)
            if same.image != contents.image || same.tornTail != nil {
                Issue.record("read otherwise after the repair: \(name)")
            }
            let next = entry(same.lastIndex.rawValue + 1, term: 1 << 20, [1])
            try again.append([next], hardState: nil)
            try again.sync()
            again.close()
            let later = try WAL.read(on: disk, directory: walDirectory)
            if later.entries != same.entries + [next] {
                Issue.record("does not go on: \(name)")
            }
        }
        // How many of the 4000 can be opened depends on the log: 216 are the fewest seen.
        #expect(opened > 40)
    }

    @Test(arguments: Fuzz.seeds)
    func `random bytes are refused or hold nothing`(seed: Seed) throws {
        let mutation = Mutation(words: frameWords)
        Fuzz.run(seed, rounds: 4000) { generator in
            let names = [
                "0000000000000000-0000000000000000.wal", "0000000000000001-0000000000000005.wal",
                "ffffffffffffffff-ffffffffffffffff.wal",
            ]
            let files = names.prefix(1 + generator.below(3)).map { name in
                let bytes = generator.bytes(generator.below(300))
                return (name: name, bytes: mutation.apply(to: bytes, &generator))
            }
            guard let disk = try? directory(of: files),
                let contents = try? WAL.read(on: disk, directory: walDirectory)
            else { return }
            #expect(contents.entries.isEmpty)
        }
    }

    @Test(arguments: Fuzz.seeds)
    func `a length that lies takes no memory`(seed: Seed) throws {
        let original = try Original(seed)
        let before = try Fuzz.residentBytes()
        Fuzz.run(seed, rounds: 500) { generator in
            var files = original.files
            let file = generator.below(files.count)
            let frame = generator.below(files[file].bytes.count / 8) * 8
            let length = generator.edgeNumber()
            for place in 0..<8 {
                let byte = UInt8(truncatingIfNeeded: length >> UInt64(8 * place))
                files[file].bytes[frame + place] = byte
            }
            guard let disk = try? directory(of: files) else { return }
            _ = try? WAL.read(on: disk, directory: walDirectory)
        }
        #expect(try Fuzz.residentBytes() - before < 256 << 20)
    }

    private func damage(
        _ files: inout [(name: String, bytes: [UInt8])],
        _ mutation: Mutation,
        _ generator: inout Generator
    ) {
        guard !files.isEmpty else { return }
        let at = generator.chance(0.5) ? files.count - 1 : generator.below(files.count)
        switch generator.below(12) {
        case 0: files.remove(at: at)
        case 1: files[at].bytes = []
        case 2: files[at].name = "\(generator.below(100)).tmp"
        case 3:
            let other = generator.below(files.count)
            (files[at].bytes, files[other].bytes) = (files[other].bytes, files[at].bytes)
        case 4:
            // The end, as a crash leaves it: zeros from somewhere.
            let start = generator.below(files[at].bytes.count + 1)
            for index in start..<files[at].bytes.count { files[at].bytes[index] = 0 }
        case 5:
            files[at].bytes.removeLast(generator.below(files[at].bytes.count + 1))
        default:
            let other = files[generator.below(files.count)].bytes
            files[at].bytes = mutation.apply(to: files[at].bytes, mixing: other, &generator)
        }
    }

    private func directory(of files: [(name: String, bytes: [UInt8])]) throws -> MemoryDisk {
        let disk = MemoryDisk()
        try disk.createDirectory(walDirectory)
        for (name, bytes) in files {
            let file = try disk.open("\(walDirectory)/\(name)", .createOrOpen)
            try file.write(bytes, at: 0)
            try file.sync()
        }
        try disk.syncDirectory(walDirectory)
        return disk
    }

    /// Lengths and heads of records.
    private var frameWords: [[UInt8]] {
        [
            [4, 0, 0, 0, 0, 0, 0, 0x84], [13, 0, 0, 0, 0, 0, 0, 0x83], [8, 0, 0, 0, 0, 0, 0, 0],
            [255, 255, 255, 255, 255, 255, 255, 0], [8, 1, 16], [8, 2, 16], [8, 3, 16], [8, 4, 16],
            [8, 5, 16], [UInt8](repeating: 0, count: 512),
        ]
    }
}
