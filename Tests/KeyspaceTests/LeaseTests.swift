import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Leases and the keys that end with them.
@Suite struct LeaseTests {
    private func put(_ key: String, lease: Int64, _ driver: inout Driver) -> Outcome {
        driver.put(
            .with {
                $0.key = bytes(key)
                $0.lease = lease
            }
        )
    }

    private func keys(of lease: Int64, _ keyspace: Keyspace) -> [String]? {
        keyspace.lease(LeaseID(lease))?.sortedKeys.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `a revoked lease takes its keys with it, in byte order and one revision`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(7)
        driver.grant(8)
        for key in ["m", "b", "z", "a\u{0}", "a"] { _ = put(key, lease: 7, &driver) }
        _ = put("other", lease: 8, &driver)
        let outcome = driver.revoke(7)
        #expect(
            outcome.changes.map { Record($0.record)?.keyValue.key }
                == ["a", "a\u{0}", "b", "m", "z"].map { bytes($0) }
        )
        #expect(outcome.changes.map(\.revision.main) == [8, 8, 8, 8, 8])
        #expect(outcome.changes.map(\.isTombstone) == Array(repeating: true, count: 5))
        guard case .leaseRevoke(let response) = outcome.response else {
            Issue.record("a revocation has another answer")
            return
        }
        #expect(response.header.revision == 8)
        #expect(driver.keyspace.keyCount == 1)
        #expect(driver.revoke(7).error == .leaseNotFound)
        #expect(driver.keyspace.revision == 8)
    }

    @Test func `the end of a lease without keys makes no revision`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(7)
        #expect(driver.revoke(7).changes.isEmpty)
        #expect(driver.keyspace.revision == 1)
        #expect(driver.keyspace.allLeases.isEmpty)
    }

    @Test func `the row of a lease and the deletion of its keys are in one batch`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(7)
        _ = put("a", lease: 7, &driver)
        try driver.flush()
        _ = driver.revoke(7)
        let batch = try #require(driver.keyspace.sealBatch())
        #expect(batch.records.map(\.key.isTombstone) == [true])
        let writes = batch.writes.filter { $0.bucket == .lease }
        #expect(writes.map(\.key) == [[0, 0, 0, 0, 0, 0, 0, 7]])
        #expect(writes.allSatisfy { $0.value == nil })
    }

    @Test func `a row of a lease has etcd's bytes`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(-2, ttl: 300)
        _ = driver.checkpoint([(-2, 5)])
        let batch = try #require(driver.keyspace.sealBatch())
        let writes = batch.writes.filter { $0.bucket == .lease }
        let key: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]
        #expect(writes.map(\.key) == [key, key])
        let id: [UInt8] = [8, 0xFE] + Array(repeating: 0xFF, count: 8) + [1]
        #expect(writes.map(\.value) == [id + [0x10, 0xAC, 2], id + [0x10, 0xAC, 2, 0x18, 5]])
    }

    @Test func `a key goes with the lease of its last put`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(1)
        driver.grant(2)
        _ = put("k", lease: 1, &driver)
        _ = put("l", lease: 1, &driver)
        _ = put("k", lease: 2, &driver)
        #expect(keys(of: 1, driver.keyspace) == ["l"])
        #expect(keys(of: 2, driver.keyspace) == ["k"])
        _ = driver.put(
            .with {
                $0.key = bytes("k")
                $0.ignoreLease = true
            }
        )
        #expect(keys(of: 2, driver.keyspace) == ["k"])
        _ = driver.put("k")
        #expect(keys(of: 2, driver.keyspace) == [])
        _ = driver.delete("l")
        #expect(keys(of: 1, driver.keyspace) == [])
        _ = put("l", lease: 1, &driver)
        #expect(keys(of: 1, driver.keyspace) == ["l"])
    }

    @Test func `a transaction that fails leaves every key with its lease`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(1)
        driver.grant(2)
        _ = put("moved", lease: 1, &driver)
        _ = put("deleted", lease: 1, &driver)
        _ = driver.put("free")
        func operation(_ key: String, _ lease: Int64) -> RequestOp {
            .with {
                $0.requestPut.key = bytes(key)
                $0.requestPut.lease = lease
            }
        }
        let outcome = driver.txn(
            .with { txn in
                txn.success = [
                    operation("moved", 2), operation("free", 2), operation("new", 2),
                    .with { $0.requestDeleteRange.key = bytes("deleted") },
                    .with {
                        $0.requestPut.key = bytes("deleted")
                        $0.requestPut.ignoreValue = true
                    },
                ]
            }
        )
        #expect(outcome.error == .keyNotFound)
        #expect(keys(of: 1, driver.keyspace) == ["deleted", "moved"])
        #expect(keys(of: 2, driver.keyspace) == [])
    }

    @Test func `grants are checked in etcd's order`() throws {
        var driver = try Driver(MemoryBackend())
        #expect(driver.grant(0).error == .leaseNotFound)
        #expect(driver.grant(1, ttl: 9_000_000_001).error == .leaseTTLTooLarge)
        #expect(driver.grant(1, ttl: 9_000_000_000).error == nil)
        #expect(driver.grant(1).error == .leaseExist)
        #expect(driver.grant(1, ttl: 9_000_000_001).error == .leaseTTLTooLarge)
        for ttl in [-5, 0, 1] as [Int64] {
            guard case .leaseGrant(let response) = driver.grant(10 + ttl, ttl: ttl).response else {
                Issue.record("a grant has another answer")
                continue
            }
            #expect(response.ttl == 2)
        }
    }

    @Test func `checkpoints outlive a restart only where they are to`() throws {
        for persists in [true, false] {
            var driver = try Driver(MemoryBackend())
            driver.keyspace.leaseRules.persistsCheckpoints = persists
            driver.grant(1, ttl: 600)
            _ = driver.checkpoint([(1, 300), (99, 7)])
            #expect(driver.keyspace.lease(LeaseID(1))?.remainingTTL == 300)
            #expect(driver.keyspace.lease(LeaseID(99)) == nil)
            try driver.flush()
            let again = try Keyspace(backend: driver.backend)
            #expect(again.lease(LeaseID(1))?.remainingTTL == (persists ? 300 : 0))
        }
    }

    @Test func `a lease granted under a lower minimum is raised to the new one`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(1, ttl: 3)
        driver.grant(2, ttl: 60)
        try driver.flush()
        let keyspace = try Keyspace(backend: driver.backend)
        #expect(keyspace.allLeases.map(\.grantedTTL) == [3, 60])
        keyspace.leaseRules.minimumTTL = 10
        #expect(keyspace.allLeases.map(\.grantedTTL) == [10, 60])
    }

    @Test func `at start a key goes with a lease only if its newest version says so`() throws {
        let directory = try TemporaryDirectory("keyspace-leases")
        defer { directory.remove() }
        let store = Store(directory: directory.path)
        var driver = try Driver(store.open())
        driver.grant(1)
        driver.grant(2)
        for key in ["kept", "freed", "deleted", "moved", "again"] {
            _ = put(key, lease: 1, &driver)
        }
        _ = driver.put("freed")
        _ = driver.delete("deleted")
        _ = put("moved", lease: 2, &driver)
        _ = driver.delete("again")
        _ = put("again", lease: 1, &driver)
        _ = driver.compact(4)
        try driver.finishCompaction()
        try driver.flush()
        let keyspace = try Keyspace(backend: store.open())
        #expect(keys(of: 1, keyspace) == ["again", "kept"])
        #expect(keys(of: 2, keyspace) == ["moved"])
    }

    @Test func `rows that are no leases stop the start`() throws {
        let rows: [(key: [UInt8], value: [UInt8])] = [
            ([0, 0, 0, 0, 0, 0, 0, 1], [0xFF]),
            ([0, 0, 0, 0, 0, 0, 0, 1], [8, 2, 0x10, 60]),
            ([1], [8, 1, 0x10, 60]),
            ([0, 0, 0, 0, 0, 0, 0, 0], []),
        ]
        for row in rows {
            let backend = MemoryBackend()
            var batch = WriteBatch(number: 1)
            batch.writes = [WriteBatch.Write(bucket: .lease, key: row.key, value: row.value)]
            try backend.commit(batch)
            backend.reopen()
            let error = #expect(throws: KeyspaceError.self) { try Keyspace(backend: backend) }
            #expect("\(error.map(String.init(describing:)) ?? "")".contains("lease"))
        }
    }

    @Test func `a record that names an unknown lease goes with none`() throws {
        let backend = MemoryBackend()
        var driver = try Driver(backend)
        driver.grant(1)
        _ = put("k", lease: 1, &driver)
        try driver.flush()
        var batch = WriteBatch(number: 99)
        batch.writes = [
            WriteBatch.Write(bucket: .lease, key: [0, 0, 0, 0, 0, 0, 0, 1], value: nil)
        ]
        try backend.commit(batch)
        backend.reopen()
        driver = try Driver(backend)
        let outcome = driver.put(
            .with {
                $0.key = bytes("k")
                $0.ignoreLease = true
            }
        )
        #expect(outcome.error == nil)
        driver.grant(1)
        #expect(keys(of: 1, driver.keyspace) == [])
    }

    @Test func `a lease of very many keys is ended in good time`() throws {
        var driver = try Driver(MemoryBackend())
        driver.grant(1)
        for number in 0..<50_000 { _ = put("k\(number * 7919 % 50_000)", lease: 1, &driver) }
        let took = ContinuousClock().measure { _ = driver.revoke(1) }
        #expect(driver.keyspace.keyCount == 0)
        // It takes about 50 ms; looking for each key among all would take minutes.
        #expect(took < .seconds(5))
    }

    @Test func `no lease is granted while a member is out of space`() throws {
        let backend = MemoryBackend()
        var driver = try Driver(backend)
        driver.grant(1)
        let alarm =
            try AlarmMember.with {
                $0.memberID = 5
                $0.alarm = .nospace
            }.serializedBytes() as [UInt8]
        try driver.flush()
        var batch = WriteBatch(number: 99)
        batch.writes = [WriteBatch.Write(bucket: .alarm, key: alarm, value: [])]
        try backend.commit(batch)
        backend.reopen()
        driver = try Driver(backend)
        #expect(driver.grant(2).error == .noSpace)
        #expect(driver.grant(1).error == .noSpace)
        #expect(driver.revoke(1).error == nil)
    }
}
