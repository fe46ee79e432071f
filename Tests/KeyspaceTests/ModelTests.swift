import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Random requests against the model, with batches sealed and committed at random moments, and
/// with crashes: what was not committed is lost and replayed from the log.
@Suite struct ModelTests {
    enum Command {
        case put(PutRequest)
        case delete(DeleteRangeRequest)
        case txn(TxnRequest)
        case compact(Int64)
        case grant(Int64, ttl: Int64)
        case revoke(Int64)
        case checkpoint(Int64, remaining: Int64)
    }

    @Test(arguments: Seed.batch(6), [true, false])
    func `a keyspace answers as the model does, whatever is committed, lost and replayed`(
        seed: Seed,
        inMemory: Bool
    ) throws {
        let directory = inMemory ? nil : try TemporaryDirectory("keyspace-model")
        defer { directory?.remove() }
        var random = seed.generator()
        // Few keys have long histories; many make the index split its pages.
        var requests = RandomRequests(random, keyCount: seed.value.isMultiple(of: 2) ? 300 : 9)
        let store = Store(directory: directory?.path)
        var driver = try Driver(store.open())
        var model = Model()
        var log: [Command] = []
        for step in 1...400 {
            requests.revision = model.revision
            requests.compacted = model.compacted
            try change(&driver, &model, &log, &requests, &random, step)
            try compareReads(driver.keyspace, model, &requests)
            switch random.below(30) {
            case 0, 1, 2: driver.seal()
            case 3, 4, 5: try driver.commit()
            case 6, 7, 8: _ = driver.keyspace.compactStep()
            case 9:
                driver = try crashed(store, log)
                compareLeases(driver.keyspace, model, "after a crash in step \(step)")
            default: break
            }
            if step.isMultiple(of: 25) { try compareHashes(driver.keyspace, model, &random) }
        }
        try driver.finishCompaction()
        try driver.flush()
        driver = try crashed(store, log)
        try compareHashes(driver.keyspace, model, &random)
        compareLeases(driver.keyspace, model, "in the end")
    }

    /// A new process: all that is committed, then the log from there on.
    private func crashed(_ store: Store, _ log: [Command]) throws -> Driver {
        var driver = try Driver(store.open())
        for command in log[Int(driver.keyspace.consistentIndex)...] { _ = run(command, &driver) }
        return driver
    }

    private func run(_ command: Command, _ driver: inout Driver) -> Outcome? {
        switch command {
        case .put(let request): return driver.put(request)
        case .delete(let request): return driver.delete(request)
        case .txn(let request): return driver.txn(request)
        case .compact(let revision): return driver.compact(revision)
        case .grant(let lease, let ttl): return driver.grant(lease, ttl: ttl)
        case .revoke(let lease): return driver.revoke(lease)
        case .checkpoint(let lease, let remaining):
            return driver.checkpoint([(lease, remaining)])
        }
    }

    private func leaseCommand(_ random: inout Generator) -> Command {
        let lease = Int64(random.below(4))
        switch random.below(5) {
        case 0: return .revoke(lease)
        case 1: return .checkpoint(lease, remaining: Int64(random.below(60)))
        case 2: return .grant(lease, ttl: 9_000_000_001 - Int64(random.below(2)))
        default: return .grant(lease, ttl: Int64(random.below(100)) - 10)
        }
    }

    private func change(
        _ driver: inout Driver,
        _ model: inout Model,
        _ log: inout [Command],
        _ requests: inout RandomRequests,
        _ random: inout Generator,
        _ step: Int
    ) throws {
        let command: Command =
            switch random.below(20) {
            case 0 where random.chance(0.3): .compact(model.revision - Int64(random.below(20)))
            case 1 where random.chance(0.5): leaseCommand(&random)
            case 2, 3, 4: .delete(requests.delete())
            case 5, 6, 7, 8, 9: .txn(requests.txn())
            default: .put(requests.put())
            }
        log.append(command)
        let outcome = run(command, &driver)
        let before = model.rows.count
        #expect(try text(outcome) == expected(command, &model), "step \(step): \(command)")
        let changes = outcome?.changes ?? []
        #expect(changes.count == model.rows.count - before, "step \(step)")
        for (change, row) in zip(changes, model.rows.suffix(changes.count)) {
            #expect(change.revision == Revision(main: row.main, sub: row.sub))
            #expect(change.isTombstone == row.isTombstone)
            #expect(Record(change.record)?.keyValue == row.keyValue)
        }
        #expect(driver.keyspace.revision == model.revision)
        #expect(driver.keyspace.compactRevision == model.compacted)
        compareLeases(driver.keyspace, model, "step \(step): \(command)")
    }

    private func compareLeases(_ keyspace: Keyspace, _ model: Model, _ when: String) {
        let leases = keyspace.allLeases
        #expect(leases.map(\.id.rawValue) == model.leases.keys.sorted(), "\(when)")
        for lease in leases {
            let expected = model.leases[lease.id.rawValue]
            #expect(lease.grantedTTL == expected?.ttl, "\(when)")
            #expect(lease.remainingTTL == expected?.remaining, "\(when)")
            #expect(lease.sortedKeys == model.keys(of: lease.id.rawValue).map(Array.init))
        }
    }

    private func text(_ outcome: Outcome?) throws -> String {
        switch outcome?.result {
        case .success(.put(let response)): try response.jsonString()
        case .success(.deleteRange(let response)): try response.jsonString()
        case .success(.txn(let response)): try response.jsonString()
        case .success(.leaseGrant(let response)): try response.jsonString()
        case .success(.leaseRevoke(let response)): try response.jsonString()
        case .failure(let error): error.message
        default: ""
        }
    }

    private func expected(_ command: Command, _ model: inout Model) throws -> String {
        do {
            switch command {
            case .put(let request):
                return try model.apply { model throws(EtcdError) in try model.put(request) }
                    .jsonString()
            case .delete(let request):
                return try model.apply { model throws(EtcdError) in model.delete(request) }
                    .jsonString()
            case .txn(let request):
                return try model.apply { model throws(EtcdError) in try model.txn(request) }
                    .jsonString()
            case .compact(let revision): try model.compact(revision)
            case .grant(let lease, let ttl):
                return try model.apply { model throws(EtcdError) in
                    try model.grant(lease, ttl: ttl)
                }.jsonString()
            case .revoke(let lease):
                return try model.apply { model throws(EtcdError) in try model.revoke(lease) }
                    .jsonString()
            case .checkpoint(let lease, let remaining):
                model.checkpoint(lease, remaining: remaining)
            }
            return ""
        } catch let error as EtcdError {
            return error.message
        }
    }

    private func compareReads(
        _ keyspace: Keyspace,
        _ model: Model,
        _ requests: inout RandomRequests
    ) throws {
        let request = requests.range()
        let got = Result { () throws(EtcdError) in try keyspace.range(request) }
        let wanted = Result { () throws(EtcdError) in try model.range(request) }
        #expect(got == wanted, "\(request)")
    }

    private func compareHashes(
        _ keyspace: Keyspace,
        _ model: Model,
        _ random: inout Generator
    ) throws {
        let oldest = max(model.compacted, 1)
        let revision = oldest + Int64(random.below(Int(model.revision - oldest) + 1))
        for revision in [revision, model.revision] {
            let got = try keyspace.hashKV(at: revision)
            #expect(got.hash == model.hash(at: revision), "at \(revision)")
            #expect(got.compactRevision == model.compacted)
        }
    }
}
