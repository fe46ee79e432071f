import EtcdProto
import Foundation
import Keyspace
import Member
import Raft
import TestKit
import Testing

/// Leases on a member that decides alone: ticks of 100 ms, elections of 10 ticks.
@Suite struct LeaseTests {
    @Test func `a lease ends when its time is over, with its keys, and not before`() throws {
        let lone = try LoneMember()
        let grant = try lone.grant(0, ttl: 5)
        #expect(grant.id > 0 && grant.ttl == 5)
        try lone.propose { request in
            request.put.key = Data("k".utf8)
            request.put.lease = grant.id
        }
        #expect(try lone.remaining(grant.id) == 4)
        lone.tick(50)
        #expect(lone.has(grant.id))
        #expect(lone.member.keyspace.keyCount == 1)
        lone.tick()
        #expect(!lone.has(grant.id))
        #expect(lone.member.keyspace.keyCount == 0)
        #expect(try lone.remaining(grant.id) == nil)
        #expect(lone.renew(grant.id) == .notFound)
    }

    @Test func `numbers drawn for leases are positive and all different`() throws {
        let lone = try LoneMember()
        let ids = try (0..<300).map { _ in try lone.grant(0, ttl: 60).id }
        #expect(Set(ids).count == 300)
        #expect(ids.allSatisfy { $0 > 0 })
    }

    @Test func `a short lease is made as long as an election and a half`() throws {
        #expect(try LoneMember().grant(1, ttl: 1).ttl == 2)
        let slow = try LoneMember {
            $0.tickMilliseconds = 500
            $0.electionTicks = 11
        }
        // 16 ticks of half a second.
        #expect(try slow.grant(1, ttl: 1).ttl == 8)
    }

    @Test func `renewed in time a lease lives on`() throws {
        let lone = try LoneMember()
        try lone.grant(1, ttl: 5)
        for _ in 0..<20 {
            lone.tick(50)
            #expect(lone.renew(1) == .renewed(ttl: 5))
            #expect(try lone.remaining(1) == 4)
        }
        lone.tick(51)
        #expect(lone.renew(1) == .notFound)
    }

    @Test func `many leases end at etcd's pace, in the order of their time`() throws {
        let lone = try LoneMember()
        for id in 1...1_000 as ClosedRange<Int64> { try lone.grant(id, ttl: id <= 500 ? 6 : 5) }
        lone.tick(50)
        var counts: [Int] = []
        for _ in 0..<15 {
            lone.tick()
            counts.append(lone.member.keyspace.allLeases.count)
        }
        #expect(counts.prefix(6) == [900, 800, 700, 600, 500, 500])
        #expect(counts.suffix(6) == [500, 400, 300, 200, 100, 0].suffix(6))
    }

    @Test func `a restart keeps leases and their keys, and gives them their time anew`() throws {
        let lone = try LoneMember()
        try lone.grant(1, ttl: 5)
        try lone.propose { request in
            request.put.key = Data("k".utf8)
            request.put.lease = 1
        }
        lone.tick(40)
        try lone.restart()
        #expect(lone.member.keyspace.lease(LeaseID(1))?.sortedKeys == [Array("k".utf8)])
        // The time, and an election's for that in which nobody led.
        lone.tick(60)
        #expect(lone.has(1))
        lone.tick()
        #expect(!lone.has(1))
        #expect(lone.member.keyspace.keyCount == 0)
    }

    @Test func `ticks that were missed count for leases`() throws {
        let lone = try LoneMember()
        try lone.grant(1, ttl: 5)
        lone.tick(1, missed: 48)
        #expect(try lone.remaining(1) == 0)
        #expect(lone.has(1))
        lone.tick(2)
        #expect(!lone.has(1))
    }

    @Test func `what is granted or renewed after a stall does not count from before it`() throws {
        let lone = try LoneMember()
        try lone.grant(1, ttl: 5)
        lone.tick(20)
        // Two seconds without a tick. Requests are read before it comes.
        lone.member.noticeLateness(ticks: 20)
        #expect(lone.renew(1) == .renewed(ttl: 5))
        #expect(try lone.remaining(1) == 4)
        try lone.grant(2, ttl: 5)
        lone.tick(1, missed: 19)
        lone.tick(50)
        #expect(lone.has(1))
        #expect(lone.has(2))
        lone.tick()
        #expect(!lone.has(1))
        #expect(!lone.has(2))
    }

    // MARK: Checkpoints

    @Test func `without checkpoints a lease is whole again after a restart`() throws {
        let lone = try LoneMember()
        try lone.grant(1, ttl: 600)
        lone.tick(4_000)
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 0)
        try lone.restart()
        #expect(try lone.remaining(1) == 600)
    }

    @Test(arguments: [true, false])
    func `with checkpoints only what was left is given after a restart`(isNew: Bool) throws {
        let lone = try LoneMember { configuration in
            configuration.leaseCheckpoint = true
            configuration.leaseCheckpointPersist = !isNew
            configuration.serverVersion = ServerVersion(major: 3, minor: isNew ? 6 : 5)
        }
        try lone.grant(1, ttl: 600)
        lone.tick(3_000)
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 0)
        lone.tick()
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 300)
        lone.tick(1_000)
        try lone.restart()
        #expect(try lone.remaining(1) == 300)
        lone.tick(3_010)
        #expect(lone.has(1))
        lone.tick()
        #expect(!lone.has(1))
    }

    @Test func `a checkpoint below 3.6 that is not to persist does not outlive the process`() throws
    {
        let lone = try LoneMember { configuration in
            configuration.leaseCheckpoint = true
            configuration.serverVersion = ServerVersion(major: 3, minor: 5)
        }
        try lone.grant(1, ttl: 600)
        lone.tick(3_001)
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 300)
        try lone.restart()
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 0)
    }

    @Test func `a renewal takes its checkpoint back before it is answered`() throws {
        let lone = try LoneMember { $0.leaseCheckpoint = true }
        try lone.grant(1, ttl: 600)
        lone.tick(3_001)
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 300)
        var renewal: Member.Renewal?
        lone.member.renewLease(LeaseID(1)) { renewal = $0 }
        #expect(renewal == nil)
        lone.settle()
        #expect(renewal == .renewed(ttl: 600))
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 0)
        try lone.restart()
        #expect(try lone.remaining(1) == 600)
    }

    @Test func `a checkpoint on its way does not shorten a lease that is renewed meanwhile`() throws
    {
        let lone = try LoneMember { $0.leaseCheckpoint = true }
        try lone.grant(1, ttl: 600)
        lone.tick(3_000)
        // It is proposed in this tick and not applied yet when the renewal comes.
        lone.member.tick()
        #expect(lone.renew(1) == .renewed(ttl: 600))
        #expect(lone.member.keyspace.lease(LeaseID(1))?.remainingTTL == 0)
    }
}
