import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Requests that no client library would send: the keyspace refuses them or carries them out, the
/// same on every member, and what fails changes nothing. `FUZZ_SECONDS=n`, `SEED=n` as in `Fuzz`.
@Suite struct RequestFuzzTests {
    @Test(arguments: Fuzz.seeds)
    func `any command of the log is applied alike by two members, or fails without a trace`(
        seed: Seed
    ) throws {
        var members = [try Driver(MemoryBackend()), try Driver(MemoryBackend())]
        var requests = RandomRequests(seed.generator(), keyCount: 12)
        var other: [UInt8] = []
        var (applied, failed) = (0, 0)
        try Fuzz.run(seed, rounds: 3000) { generator in
            let request = Self.request(&requests)
            let bytes: [UInt8] = try request.serializedBytes()
            let changed = ProtobufMutation().apply(to: bytes, mixing: other, &generator)
            other = bytes
            guard
                let command = try? InternalRaftRequest(serializedBytes: changed, options: .logEntry)
            else { return }
            let hash = try members[0].keyspace.hashKV(at: 0).hash
            let outcomes = members.indices.map { members[$0].apply(command) }
            let after = try members.map { try $0.keyspace.hashKV(at: 0).hash }
            #expect(after[0] == after[1])
            switch (outcomes[0].result, outcomes[1].result) {
            case (.success(let left), .success(let right)):
                applied += 1
                if "\(left)" != "\(right)" { Issue.record("\(left) and \(right)") }
            case (.failure(let left), .failure(let right)):
                failed += 1
                if left != right { Issue.record("\(left) and \(right)") }
                if after[0] != hash { Issue.record("\(left), and something changed") }
            default: Issue.record("\(command) succeeds on one member only")
            }
            // One of them keeps up with its backend; the other never does.
            if generator.chance(0.1) {
                try members[0].flush()
                if generator.chance(0.3) { try members[0].finishCompaction() }
            }
            requests.revision = members[0].keyspace.revision
        }
        #expect(applied > 300 && failed > 50)
    }

    @Test(arguments: Fuzz.seeds) func `any read is answered or refused`(seed: Seed) throws {
        var driver = try Driver(MemoryBackend())
        var requests = RandomRequests(seed.generator(), keyCount: 12)
        for _ in 0..<200 { _ = driver.put(requests.put(mayIgnore: false)) }
        _ = driver.compact(50)
        requests.revision = driver.keyspace.revision
        var (answered, refused) = (0, 0)
        try Fuzz.run(seed, rounds: 4000) { generator in
            let range = requests.range()
            let txn = requests.txn()
            let rangeBytes = ProtobufMutation().apply(
                to: try range.serializedBytes(),
                mixing: try txn.serializedBytes(),
                &generator
            )
            let txnBytes = ProtobufMutation().apply(
                to: try txn.serializedBytes(),
                mixing: try range.serializedBytes(),
                &generator
            )
            let keyspace = driver.keyspace
            do {
                let range = try RangeRequest(serializedBytes: rangeBytes, options: .clientRequest)
                try keyspace.check(range)
                let response = try keyspace.range(range)
                if range.limit > 0 { #expect(response.kvs.count <= range.limit) }
                answered += 1
                let txn = try TxnRequest(serializedBytes: txnBytes, options: .clientRequest)
                try keyspace.check(txn, maxOps: 128)
                if txn.isReadOnly { _ = try keyspace.read(txn) }
            } catch {
                refused += 1
            }
        }
        #expect(answered > 500 && refused > 500)
    }

    private static func request(_ requests: inout RandomRequests) -> InternalRaftRequest {
        var request = InternalRaftRequest()
        request.header.id = 7
        switch requests.random.below(10) {
        case 0: request.range = requests.range()
        case 1, 2, 3: request.put = requests.put()
        case 4: request.deleteRange = requests.delete()
        case 5:
            request.compaction.revision = max(0, requests.revision - 20)
        default: request.txn = requests.txn()
        }
        return request
    }
}
