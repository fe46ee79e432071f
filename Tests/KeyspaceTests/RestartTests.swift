import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// What a keyspace finds when it is opened, and what it refuses.
@Suite struct RestartTests {
    private func number(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }

    @Test func `an empty backend is revision 1, never compacted, at no entry`() throws {
        let keyspace = try Keyspace(backend: MemoryBackend())
        #expect(keyspace.revision == 1)
        #expect(keyspace.compactRevision == -1)
        #expect(keyspace.consistentIndex == 0)
        #expect(keyspace.sealBatch() == nil)
    }

    @Test func `a batch carries index and term as etcd writes them`() throws {
        var driver = try Driver(MemoryBackend())
        _ = driver.put("a", "1")
        let batch = try #require(driver.keyspace.sealBatch())
        let writes = batch.writes.map { ($0.bucket, String(decoding: $0.key, as: UTF8.self)) }
        #expect(writes.map(\.0) == [.meta, .meta])
        #expect(writes.map(\.1) == ["consistent_index", "term"])
        #expect(batch.writes.map(\.value) == [number(1), number(2)])
        #expect(batch.records.map(\.key.bytes) == [number(2) + Array("_".utf8) + number(0)])
        // key a, created and modified at 2, version 1, value 1.
        let record: [UInt8] = [0x0A, 1, 0x61, 0x10, 2, 0x18, 2, 0x20, 1, 0x2A, 1, 0x31]
        #expect(batch.records.map(\.value) == [record])
    }

    @Test func `an entry without effect moves the index all the same`() throws {
        let keyspace = try Keyspace(backend: MemoryBackend())
        keyspace.skip(index: 4, term: 3)
        let batch = try #require(keyspace.sealBatch())
        #expect(batch.records.isEmpty)
        #expect(batch.writes.map(\.value) == [number(4), number(3)])
        #expect(keyspace.sealBatch() == nil)
    }

    @Test func `bucket writes are readable at once and there after a restart`() throws {
        let backend = MemoryBackend()
        let keyspace = try Keyspace(backend: backend)
        keyspace.applyBucketWrites(
            [(.members, [2], [20]), (.members, [1], [10]), (.members, [3], [30])],
            index: 1,
            term: 1
        )
        keyspace.applyBucketWrites(
            [(.members, [3], nil), (.membersRemoved, [3], [0])],
            index: 2,
            term: 1
        )
        #expect(keyspace.bucketEntries(.members).map(\.key) == [[1], [2]])
        let batch = try #require(keyspace.sealBatch())
        try backend.commit(batch)
        let reopened = try Keyspace(
            backend: {
                backend.reopen()
                return backend
            }()
        )
        #expect(reopened.bucketEntries(.members).map(\.value) == [[10], [20]])
        #expect(reopened.bucketValue(.membersRemoved, [3]) == [0])
        #expect(reopened.consistentIndex == 2)
    }

    @Test func `compaction marks are revision keys, the finished one with the last deletion`()
        throws
    {
        var driver = try Driver(MemoryBackend())
        for _ in 0..<3 { _ = driver.put("a") }
        _ = driver.compact(4)
        #expect(driver.keyspace.compactStep() == .waiting)
        let mark = number(4) + Array("_".utf8) + number(0)
        let first = try #require(driver.keyspace.sealBatch())
        #expect(first.writes.first?.key == Array("scheduledCompactRev".utf8))
        #expect(first.writes.first?.value == mark)
        #expect(first.deletions.isEmpty)
        try driver.backend.commit(first)
        driver.keyspace.committed(first.number)
        #expect(driver.keyspace.compactStep() == .finished(4))
        #expect(driver.keyspace.compactStep() == .idle)
        let second = try #require(driver.keyspace.sealBatch())
        #expect(second.deletions.map(\.revision.main) == [2, 3])
        #expect(second.writes.map(\.key) == [Array("finishedCompactRev".utf8)])
        #expect(second.writes.map(\.value) == [mark])
    }

    @Test func `a compaction that was cut off goes on after a restart`() throws {
        let backend = MemoryBackend()
        var driver = try Driver(backend)
        for round in 0..<3 {
            for key in 0..<1_500 { _ = driver.put("k\(key)", "\(round)") }
        }
        _ = driver.compact(driver.keyspace.revision)
        try driver.flush()
        #expect(driver.keyspace.compactStep() == .working)
        try driver.flush()
        #expect(driver.keyspace.compactStep() == .working)
        backend.reopen()
        driver = try Driver(backend)
        #expect(driver.keyspace.compactRevision == driver.keyspace.revision)
        #expect(driver.keyspace.finishedCompactRevision == -1)
        try driver.finishCompaction()
        try driver.flush()
        #expect(driver.keyspace.finishedCompactRevision == driver.keyspace.revision)
        var rows = 0
        try backend.scan(.key, from: []) { _, _ in
            rows += 1
            return true
        }
        #expect(rows == 1_500)
    }

    @Test func `a transaction that reads what is compacted fails whole on every member`() throws {
        let backends = (0..<3).map { _ in MemoryBackend() }
        var drivers = try backends.map { try Driver($0) }
        for member in drivers.indices {
            for round in 0..<5 { _ = drivers[member].put("k", "\(round)") }
            _ = drivers[member].compact(5)
            try drivers[member].flush()
        }
        // The old rows are gone from the first, the second has them all, the third has just
        // started again.
        try drivers[0].finishCompaction()
        try drivers[0].flush()
        backends[2].reopen()
        drivers[2] = try Driver(backends[2])
        var read = RequestOp()
        read.requestRange.key = bytes("k")
        var write = RequestOp()
        write.requestPut.key = bytes("w")
        for (revision, isThere) in [(Int64(4), false), (5, true), (6, true), (99, false)] {
            read.requestRange.revision = revision
            let before = drivers[0].keyspace.revision
            let outcomes = drivers.indices.map { member in
                drivers[member].txn(.with { $0.success = [write, read] })
            }
            for (driver, outcome) in zip(drivers, outcomes) {
                #expect("\(outcome.result)" == "\(outcomes[0].result)")
                let written = driver.keyspace.revision - before
                #expect(written == (isThere ? 1 : 0), "revision \(revision)")
            }
            #expect((outcomes[0].response != nil) == isThere)
        }
        let hashes = try drivers.map { try $0.keyspace.hashKV(at: 0).hash }
        #expect(Set(hashes).count == 1)
    }

    @Test func `a compaction waits when the deletions it found are not committed`() throws {
        var driver = try Driver(MemoryBackend())
        for _ in 0..<3 {
            for key in 0..<10_000 { _ = driver.put("k\(key)") }
        }
        _ = driver.compact(driver.keyspace.revision)
        try driver.flush()
        var most = 0
        var waits = 0
        while true {
            let progress = driver.keyspace.compactStep()
            most = max(most, driver.keyspace.pendingOperations)
            if case .finished = progress { break }
            guard progress == .waiting else { continue }
            waits += 1
            #expect(driver.keyspace.compactStep() == .waiting)
            try driver.flush()
        }
        // A step looks at 1,000 keys and rows; two rows of each key are deleted.
        #expect(most <= 11_000)
        #expect(waits >= 1)
        try driver.flush()
        var rows = 0
        try driver.backend.scan(.key, from: []) { _, _ in
            rows += 1
            return true
        }
        #expect(rows == 10_000)
    }

    @Test func `the revision stays when all rows below a compaction are gone`() throws {
        let backend = MemoryBackend()
        var driver = try Driver(backend)
        _ = driver.put("a")
        _ = driver.delete("a")
        _ = driver.txn(.with { txn in txn.success = [.with { $0.requestPut.key = bytes("b") }] })
        _ = driver.delete("b")
        _ = driver.compact(5)
        try driver.finishCompaction()
        try driver.flush()
        backend.reopen()
        let keyspace = try Keyspace(backend: backend)
        #expect(keyspace.revision == 5)
        #expect(keyspace.keyCount == 0)
    }

    // MARK: What is refused

    private func open(_ writes: [(Bucket, [UInt8], [UInt8])]) throws -> KeyspaceError? {
        let backend = MemoryBackend()
        var batch = WriteBatch(number: 1)
        batch.writes = writes.map { .init(bucket: $0.0, key: $0.1, value: $0.2) }
        try backend.commit(batch)
        backend.reopen()
        return #expect(throws: KeyspaceError.self) { try Keyspace(backend: backend) }
    }

    private let record: [UInt8] = [0x0A, 1, 0x61, 0x10, 2, 0x18, 2, 0x20, 1]

    @Test func `a damaged row is an error that names bucket and key`() throws {
        let row = RecordKey(Revision(main: 2)).bytes
        for value in [[0x0A, 9, 1], [0xFF], [0x0A, 1, 0x61], record + [0x18, 7]] as [[UInt8]] {
            let error = try open([(.key, row, value)])
            guard case .corrupt(.key, row, _) = error else {
                Issue.record("\(value): \(String(describing: error))")
                continue
            }
        }
        for key in [[1, 2, 3], Array(row.dropLast()), row + [0x75]] as [[UInt8]] {
            guard case .corrupt(.key, key, _) = try open([(.key, key, record)]) else {
                Issue.record("the row \(key) was taken")
                continue
            }
        }
        let tombstone = RecordKey(Revision(main: 2), isTombstone: true).bytes
        let twice = try open([(.key, row, record), (.key, tombstone, [0x0A, 1, 0x61])])
        #expect(twice?.description.contains("2.0 is there twice") == true)
    }

    @Test func `damaged marks are errors`() throws {
        for key in ["consistent_index", "term", "scheduledCompactRev", "finishedCompactRev"] {
            guard
                case .corrupt(.meta, Array(key.utf8), _) = try open([(.meta, Array(key.utf8), [1])])
            else {
                Issue.record("\(key) was taken")
                continue
            }
        }
    }

    @Test func `a backend that cannot be read is an error`() throws {
        let backend = MemoryBackend()
        backend.close()
        let error = #expect(throws: KeyspaceError.self) { try Keyspace(backend: backend) }
        guard case .backend(let cause) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.kind == .closed)
    }

    @Test func `an entry is not applied twice`() async {
        await #expect(processExitsWith: .failure) {
            let keyspace = try Keyspace(backend: MemoryBackend())
            keyspace.skip(index: 5, term: 1)
            keyspace.skip(index: 5, term: 1)
        }
    }
}
