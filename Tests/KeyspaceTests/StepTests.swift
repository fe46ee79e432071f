import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Large reads in steps, with changes and compactions in between.
@Suite struct StepTests {
    private func filled(
        _ random: inout Generator,
        _ backend: any Backend = MemoryBackend()
    ) throws -> Driver {
        var driver = try Driver(backend)
        for number in 0..<600 { _ = driver.put("k\(random.below(300))", "v\(number)") }
        for _ in 0..<60 { _ = driver.delete("k\(random.below(300))") }
        return driver
    }

    private func change(_ driver: inout Driver, _ random: inout Generator) throws {
        for _ in 0..<random.below(6) { _ = driver.put("k\(random.below(400))", "later") }
        for _ in 0..<random.below(3) { _ = driver.delete("k\(random.below(400))") }
        switch random.below(4) {
        case 0: try driver.flush()
        case 1: driver.seal()
        case 2: _ = driver.keyspace.compactStep()
        default: break
        }
    }

    private func requests(_ revision: Int64, _ random: inout Generator) -> RangeRequest {
        .with {
            $0.key = bytes("k\(random.below(10))")
            $0.rangeEnd = random.chance(0.5) ? Data([0]) : bytes("k\(random.below(10))5")
            $0.revision = random.chance(0.5) ? 0 : revision - Int64(random.below(50))
            $0.limit = random.chance(0.5) ? 0 : Int64(1 + random.below(40))
            $0.countOnly = random.chance(0.1)
            $0.keysOnly = random.chance(0.1)
            $0.sortOrder = random.pick([.none, .ascend, .descend])
            $0.sortTarget = random.pick([.key, .mod, .value])
        }
    }

    @Test(arguments: Seed.batch(40))
    func `a range in steps is what one at once was at its beginning`(seed: Seed) throws {
        var random = seed.generator()
        var driver = try filled(&random)
        for _ in 0..<20 {
            let request = requests(driver.keyspace.revision, &random)
            let wanted = try driver.keyspace.range(request)
            var walk = try RangeWalk(request, driver.keyspace)
            var steps = 1
            while true {
                if let rows = try walk.step(driver.keyspace, keys: 1 + random.below(50)) {
                    #expect(rows.response == wanted, "\(steps) steps of \(request)")
                    break
                }
                steps += 1
                try change(&driver, &random)
            }
        }
    }

    @Test func `a step looks at no more keys than it may`() throws {
        var driver = try Driver(MemoryBackend())
        for number in 0..<100 { _ = driver.put("k\(number + 100)") }
        let request = RangeRequest.with {
            $0.key = Data([0])
            $0.rangeEnd = Data([0])
        }
        var walk = try RangeWalk(request, driver.keyspace)
        for _ in 0..<9 { #expect(try walk.step(driver.keyspace, keys: 10) == nil) }
        let rows = try walk.step(driver.keyspace, keys: 10)
        #expect(rows?.records.count == 100)
        // A limit ends it as soon as it is known that there is more.
        var limited = try RangeWalk(request.with { $0.limit = 15 }, driver.keyspace)
        #expect(try limited.step(driver.keyspace, keys: 10) == nil)
        let some = try limited.step(driver.keyspace, keys: 10)
        #expect(some?.records.count == 15)
        #expect(some?.more == true)
        #expect(some?.count == 100)
    }

    @Test func `a range that a compaction passes begins anew, or fails if it named a revision`()
        throws
    {
        var random = Seed(1).generator()
        var driver = try filled(&random)
        let request = RangeRequest.with {
            $0.key = Data([0])
            $0.rangeEnd = Data([0])
        }
        var newest = try RangeWalk(request, driver.keyspace)
        let named = driver.keyspace.revision
        var older = try RangeWalk(request.with { $0.revision = named }, driver.keyspace)
        #expect(try newest.step(driver.keyspace, keys: 100) == nil)
        #expect(try older.step(driver.keyspace, keys: 100) == nil)
        for number in 0..<300 { _ = driver.put("k\(number)", "new") }
        _ = driver.compact(driver.keyspace.revision)
        try driver.finishCompaction()
        #expect(throws: EtcdError.compacted) { try older.step(driver.keyspace, keys: 100) }
        let rows = try newest.step(driver.keyspace, keys: .max)
        #expect(try rows?.response == driver.keyspace.range(request))
        #expect(rows?.revision == driver.keyspace.revision)
    }

    @Test(arguments: Seed.batch(16), [true, false])
    func `a checksum in steps is that of its revision, whatever comes in between`(
        seed: Seed,
        inMemory: Bool
    ) throws {
        let directory = inMemory ? nil : try TemporaryDirectory("keyspace-hash")
        defer { directory?.remove() }
        let store = Store(directory: directory?.path)
        var random = seed.generator()
        var driver = try filled(&random, store.open())
        for _ in 0..<10 {
            if random.chance(0.4) {
                _ = driver.compact(driver.keyspace.revision - Int64(random.below(60)))
            }
            let oldest = max(driver.keyspace.compactRevision, 1)
            let span = Int(driver.keyspace.revision - oldest) + 1
            let revision = random.chance(0.3) ? 0 : oldest + Int64(random.below(span))
            let wanted = try driver.keyspace.hashKV(at: revision)
            var walk = try HashWalk(driver.keyspace, at: revision)
            while true {
                if let job = try walk.step(driver.keyspace, keys: 1 + random.below(80)) {
                    let view = try driver.backend.openView()
                    // The worker takes its time.
                    for _ in 0..<random.below(5) { try change(&driver, &random) }
                    #expect(try job.run(on: view) == wanted)
                    view.close()
                    break
                }
                try change(&driver, &random)
            }
        }
    }

    @Test(arguments: Seed.batch(16))
    func `a compaction's checksum is that of its revision just before`(seed: Seed) throws {
        var random = seed.generator()
        var driver = try filled(&random)
        driver.keyspace.hashesCompactions = true
        for _ in 0..<6 {
            let oldest = max(driver.keyspace.compactRevision, 1)
            let target = oldest + 1 + Int64(random.below(80))
            guard target <= driver.keyspace.revision else { break }
            let wanted = try driver.keyspace.hashKV(at: target)
            _ = driver.compact(target)
            let due = try #require(driver.keyspace.compactionToHash)
            #expect(due.revision == target && due.before == wanted.compactRevision)
            var walk = HashWalk(compaction: due)
            var job: HashJob?
            while job == nil {
                job = try walk.step(driver.keyspace, keys: 1 + random.below(60))
                guard job == nil else { break }
                try change(&driver, &random)
                // No row goes before the sum has begun.
                try driver.flush()
                #expect(driver.keyspace.compactStep() == .waiting)
            }
            let view = try driver.backend.openView()
            driver.keyspace.compactionHashBegan()
            try driver.finishCompaction()
            #expect(driver.keyspace.finishedCompactRevision == target)
            #expect(try job?.run(on: view) == wanted)
            view.close()
            for _ in 0..<20 { _ = driver.put("k\(random.below(400))", "next") }
        }
    }

    @Test func `a checksum begins anew when a compaction is ordered meanwhile`() throws {
        var random = Seed(2).generator()
        var driver = try filled(&random)
        _ = driver.compact(300)
        var walk = try HashWalk(driver.keyspace, at: 0)
        var older = try HashWalk(driver.keyspace, at: 310)
        #expect(try walk.step(driver.keyspace, keys: 10) == nil)
        #expect(try older.step(driver.keyspace, keys: 10) == nil)
        _ = driver.compact(400)
        try driver.finishCompaction()
        #expect(throws: EtcdError.compacted) { try older.step(driver.keyspace, keys: 10) }
        let job = try #require(try walk.step(driver.keyspace, keys: .max))
        let got = try job.run(on: driver.backend.openView())
        #expect(try got == driver.keyspace.hashKV(at: 0))
    }

    @Test func `a checksum counts no row twice that is committed but not reported yet`() throws {
        var driver = try Driver(MemoryBackend())
        for number in 0..<20 { _ = driver.put("k\(number)") }
        let first = try #require(driver.keyspace.sealBatch())
        for number in 0..<20 { _ = driver.put("k\(number)") }
        let second = try #require(driver.keyspace.sealBatch())
        let wanted = try driver.keyspace.hashKV(at: 0)
        try driver.backend.commit(first)
        try driver.backend.commit(second)
        // Reporting the first lets reads see both.
        driver.keyspace.committed(first.number)
        #expect(try driver.keyspace.hashKV(at: 0) == wanted)
        driver.keyspace.committed(second.number)
        #expect(try driver.keyspace.hashKV(at: 0) == wanted)
    }

    @Test func `a checksum says which revision it covers`() throws {
        var driver = try Driver(MemoryBackend())
        for number in 0..<5 { _ = driver.put("k\(number)") }
        #expect(try driver.keyspace.hashKV(at: 4).hashedRevision == 4)
        #expect(try driver.keyspace.hashKV(at: 0).hashedRevision == 6)
    }
}
