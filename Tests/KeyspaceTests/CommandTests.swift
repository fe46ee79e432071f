import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Commands as a log may hold them, and properties that scripts cannot show.
@Suite struct CommandTests {
    @Test func `a command that is not carried out changes nothing and says so`() throws {
        var driver = try Driver(MemoryBackend())
        let commands: [(InternalRaftRequest, String)] = [
            (.with { $0.authEnable = .init() }, "etcdserver: an auth command is not supported"),
            (.with { $0.v2.id = 1 }, "etcdserver: a v2 request is not supported"),
        ]
        for (command, message) in commands {
            #expect(driver.apply(command).error?.message == message)
        }
        #expect(driver.keyspace.revision == 1)
        #expect(driver.keyspace.consistentIndex == 2)
        guard case .success(.none) = driver.apply(InternalRaftRequest()).result else {
            Issue.record("an empty command has an answer")
            return
        }
    }

    @Test func `random messages are applied alike on two members, one of which restarts`() throws {
        for seed in Seed.batch(300) {
            var random = seed.generator()
            var first = try Driver(MemoryBackend())
            var second = try Driver(MemoryBackend())
            for _ in 0..<20 {
                guard let request = self.request(&random) else { continue }
                let outcomes = [first.apply(request), second.apply(request)]
                #expect(outcomes[0].error == outcomes[1].error, "\(seed)")
                let records = outcomes.map { $0.changes.map(\.record) }
                #expect(records[0] == records[1], "\(seed)")
                if random.chance(0.2) { try second.finishCompaction() }
                if random.chance(0.2) {
                    try second.flush()
                    second = try Driver(second.backend)
                }
            }
            #expect(first.keyspace.allLeases.map(\.id) == second.keyspace.allLeases.map(\.id))
            #expect(
                first.keyspace.allLeases.map(\.sortedKeys)
                    == second.keyspace.allLeases.map(\.sortedKeys),
                "\(seed)"
            )
            let hash = try first.keyspace.hashKV(at: 0)
            #expect(try hash == second.keyspace.hashKV(at: 0), "\(seed)")
        }
    }

    /// Fields of the right kind with any content, among them enumerations out of range.
    private func request(_ random: inout Generator) -> InternalRaftRequest? {
        var requests = RandomRequests(random, keyCount: 4)
        requests.random = random
        defer { random = requests.random }
        var request = InternalRaftRequest()
        switch random.below(8) {
        case 0: request.put = requests.put()
        case 1: request.deleteRange = requests.delete()
        case 2: request.range = requests.range()
        case 3: request.compaction.revision = Int64(truncatingIfNeeded: requests.random.next())
        case 4:
            request.leaseGrant.id = Int64(requests.random.below(4))
            request.leaseGrant.ttl = Int64(truncatingIfNeeded: requests.random.next())
        case 5: request.leaseRevoke.id = Int64(requests.random.below(4))
        case 6:
            request.leaseCheckpoint.checkpoints = [
                .with {
                    $0.id = Int64(requests.random.below(4))
                    $0.remainingTtl = Int64(truncatingIfNeeded: requests.random.next())
                }
            ]
        default: request.txn = requests.txn()
        }
        guard var bytes: [UInt8] = try? request.serializedBytes(), !bytes.isEmpty else {
            return request
        }
        for _ in 0..<requests.random.below(4) {
            bytes[requests.random.below(bytes.count)] = UInt8(requests.random.below(256))
        }
        return try? InternalRaftRequest(serializedBytes: bytes)
    }

    @Test func `a large transaction of nested ones is checked in good time`() {
        // Each level is as wide as the limit lets it be; together they hold thousands of keys.
        var number = 0
        func puts(_ count: Int) -> [RequestOp] {
            (0..<count).map { _ in
                number += 1
                return .with { $0.requestPut.key = bytes("k\(number)") }
            }
        }
        let request = TxnRequest.with { outer in
            outer.success = (0..<64).map { _ in
                .with { operation in
                    operation.requestTxn.success = puts(60)
                    operation.requestTxn.failure = (0..<60).map { number in
                        .with {
                            $0.requestDeleteRange.key = bytes("z\(number)")
                            $0.requestDeleteRange.rangeEnd = bytes("z\(number)x")
                        }
                    }
                }
            }
        }
        let took = ContinuousClock().measure {
            #expect(throws: Never.self) {
                try Keyspace(backend: MemoryBackend()).check(request, maxOps: 128)
            }
        }
        // It takes about 20 ms; comparing each key with each would take minutes.
        #expect(took < .seconds(3))
    }

    @Test func `the changes of a key since a revision are the last of each revision`() throws {
        var driver = try Driver(MemoryBackend())
        _ = driver.put("a", "1")
        _ = driver.put("b", "1")
        _ = driver.delete("a")
        _ = driver.txn(
            .with { txn in
                txn.success = [
                    .with { $0.requestTxn.success = [.with { $0.requestPut.key = bytes("a") }] },
                    .with {
                        $0.requestTxn.success = [.with { $0.requestDeleteRange.key = bytes("a") }]
                    },
                ]
            }
        )
        let key = Array("a".utf8)
        let changes = driver.keyspace.changes(of: key, since: 3)
        #expect(changes.map(\.revision.description) == ["4.0", "5.1"])
        #expect(changes.map(\.isTombstone) == [true, true])
        #expect(driver.keyspace.changes(of: key, since: 2).count == 3)
        #expect(driver.keyspace.changes(of: key, since: 6).isEmpty)
    }

    @Test func `counting and limits agree with a full range over many pages`() throws {
        var driver = try Driver(MemoryBackend())
        var random = Seed(5).generator()
        for _ in 0..<3_000 { _ = driver.put("key/\(random.below(5_000))") }
        for _ in 0..<800 { _ = driver.delete("key/\(random.below(5_000))") }
        for _ in 0..<200 {
            let request = RangeRequest.with {
                $0.key = bytes("key/\(random.below(5_000))")
                $0.rangeEnd = random.chance(0.2) ? Data([0]) : bytes("key/\(random.below(5_000))")
            }
            let all = try driver.keyspace.range(request)
            #expect(all.count == Int64(all.kvs.count))
            let counted = try driver.keyspace.range(request.with { $0.countOnly = true })
            #expect(counted.count == all.count)
            let limited = try driver.keyspace.range(request.with { $0.limit = 3 })
            #expect(limited.count == all.count)
            #expect(limited.kvs == Array(all.kvs.prefix(3)))
            #expect(limited.more == (all.count > 3))
        }
    }

    @Test func `every error has a code, etcd's prefix and its own text`() {
        #expect(EtcdError.all.count == 63)
        #expect(Set(EtcdError.all.map(\.message)).count == EtcdError.all.count)
        for error in EtcdError.all {
            #expect((1...16).contains(error.code))
            #expect(error.message.hasPrefix("etcdserver: "))
        }
    }

    @Test func `a record's key orders as its bytes do and survives them`() throws {
        var random = Seed(1).generator()
        let keys = (0..<200).map { _ in
            RecordKey(
                Revision(main: Int64(random.below(300)), sub: Int64(random.below(300))),
                isTombstone: random.chance(0.5)
            )
        }
        for key in keys {
            #expect(RecordKey(key.bytes.span) == key)
            #expect(key.bytes.count == (key.isTombstone ? 18 : 17))
        }
        let byBytes = keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        #expect(byBytes == keys.sorted())
    }
}
