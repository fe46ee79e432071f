import Raft
import TestKit
import Testing

@Suite struct MemoryLogTests {
    private func entry(_ index: UInt64, term: UInt64 = 1, size: Int = 10) -> Entry {
        Entry(
            term: Term(rawValue: term),
            index: LogIndex(rawValue: index),
            data: [UInt8](repeating: 7, count: size)
        )
    }

    private func log(upTo last: UInt64) -> MemoryLog {
        let log = MemoryLog()
        log.append((1...last).map { entry($0) })
        return log
    }

    private func index(_ index: UInt64) -> LogIndex { LogIndex(rawValue: index) }

    @Test func `an empty log begins at one`() throws {
        let log = MemoryLog()
        #expect(log.firstIndex == index(1))
        #expect(log.lastIndex == .zero)
        #expect(try log.term(at: .zero) == .zero)
        #expect(throws: LogError.unavailable) { try log.term(at: index(1)) }
    }

    @Test func `appending replaces what follows`() throws {
        let log = log(upTo: 5)
        log.append([entry(3, term: 2)])
        #expect(log.lastIndex == index(3))
        #expect(try log.term(at: index(3)) == Term(rawValue: 2))
        #expect(try log.term(at: index(2)) == Term(rawValue: 1))
    }

    @Test func `compaction keeps the last term and nothing before`() throws {
        let log = log(upTo: 5)
        try log.compact(to: index(3))
        #expect(log.firstIndex == index(4))
        #expect(try log.term(at: index(3)) == Term(rawValue: 1))
        #expect(throws: LogError.compacted) { try log.term(at: index(2)) }
        #expect(throws: LogError.compacted) { try log.entries(from: index(3), to: index(5)) }
        #expect(throws: LogError.compacted) { try log.compact(to: index(3)) }
        #expect(throws: LogError.unavailable) { try log.compact(to: index(9)) }
        // What is compacted is not appended again.
        log.append((2...6).map { entry($0, term: 2) })
        #expect(try log.entries(from: index(4), to: index(7)).map(\.index.rawValue) == [4, 5, 6])
    }

    @Test func `a size limit cuts, but not below one entry`() throws {
        let log = log(upTo: 5)
        let size = entry(1).encodedSize
        func count(_ maxSize: Int) throws -> Int {
            try log.entries(from: index(1), to: index(6), maxSize: maxSize).count
        }
        #expect(try count(0) == 1)
        #expect(try count(2 * size - 1) == 1)
        #expect(try count(2 * size) == 2)
        #expect(try count(.max) == 5)
    }

    @Test func `a snapshot replaces the log and is never replaced by an older one`() throws {
        let log = log(upTo: 5)
        let state = ConfState(voters: [NodeID(rawValue: 1)])
        try log.createSnapshot(index: index(4), confState: state, data: [1])
        #expect(log.snapshot.term == Term(rawValue: 1))
        #expect(log.firstIndex == index(1))
        let newer = Snapshot(confState: state, index: index(9), term: Term(rawValue: 3))
        try log.apply(newer)
        #expect(log.firstIndex == index(10))
        #expect(log.lastIndex == index(9))
        #expect(try log.term(at: index(9)) == Term(rawValue: 3))
        #expect(throws: LogError.snapshotOutOfDate) { try log.apply(newer) }
    }
}
