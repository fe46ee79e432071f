import Raft
import Storage
import TestKit

/// What a member does to its log, made up: groups of batches with a sync each, now and then a new
/// term that replaces the end, a marker, a release.
struct Workload {
    private var generator: Generator
    private var term: UInt64 = 3
    private var commit: UInt64 = 0
    private var last: UInt64 = 0
    private var marked: UInt64 = 0

    init(_ seed: Seed) {
        generator = seed.generator()
    }

    mutating func batch() -> LogBatch {
        var first = last + 1
        if generator.chance(0.1) {
            term += 1
            first = commit + 1 + UInt64(generator.below(Int(last - commit) + 1))
        }
        let count = UInt64(generator.below(6))
        var batch = LogBatch()
        for index in first..<(first + count) {
            let size = generator.chance(0.1) ? 2000 : generator.below(300)
            batch.entries.append(entry(index, term: term, generator.bytes(size)))
            last = index
        }
        if generator.chance(0.6) {
            commit += UInt64(generator.below(Int(last - commit) + 1))
            batch.hardState = state(term: term, vote: 0, commit: commit)
        }
        return batch
    }

    mutating func marker() -> WAL.Marker? {
        guard commit > marked + 10, generator.chance(0.5) else { return nil }
        marked = commit - 3
        return StorageTests.marker(marked)
    }

    mutating func chance(_ probability: Double) -> Bool {
        generator.chance(probability)
    }

    var markedIndex: LogIndex { LogIndex(rawValue: marked) }

    /// Runs on a disk until the disk fails, noting in the model what was begun and acknowledged.
    /// - Returns: Whether it ran to its end.
    static func run(_ seed: Seed, groups: Int, on disk: MemoryDisk, _ model: inout LogModel) throws
        -> Bool
    {
        var work = Workload(seed)
        do {
            let wal = try makeWAL(on: disk)
            model.acknowledge()
            for _ in 0..<groups {
                repeat {
                    let batch = work.batch()
                    model.add(batch)
                    try wal.append(batch.entries, hardState: batch.hardState)
                    if work.chance(0.2) { try wal.flush() }
                } while work.chance(0.4)
                if let marker = work.marker() {
                    model.add(LogBatch(marker: marker))
                    try wal.append(marker)
                }
                try wal.sync()
                model.acknowledge()
                if work.chance(0.3) { wal.prepareSpare() }
                if work.chance(0.1) { try wal.release(before: work.markedIndex) }
            }
            return true
        } catch WALError.disk(let error) where error.kind == .crashed {
            return false
        } catch WALError.poisoned where disk.isCrashed {
            return false
        }
    }
}
