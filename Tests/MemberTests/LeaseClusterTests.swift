import EtcdProto
import Foundation
import Keyspace
import Member
import Raft
import Simulator
import Storage
import TestKit
import Testing

/// Leases while leaders change.
@Suite struct LeaseClusterTests {
    private func cluster(seed: UInt64 = 1) throws -> World {
        let world = try World(members: 3, seed: seed)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let leader = try #require(world.leader)
        let write = world.put("first", "v", on: leader)
        world.run(atMost: 5_000) { write.result != nil }
        return world
    }

    private func propose(
        _ world: World,
        on index: Int,
        _ fill: (inout InternalRaftRequest) -> Void
    ) throws {
        var request = InternalRaftRequest()
        fill(&request)
        var result: Result<ApplyResponse, EtcdError>?
        world.machines[index].member?.propose(request) { result = $0 }
        world.wake(index)
        world.run(atMost: 5_000) { result != nil }
        _ = try #require(result).get()
    }

    /// A lease with a key.
    private func grant(_ id: Int64, ttl: Int64, _ world: World, on index: Int) throws {
        try propose(world, on: index) { request in
            request.leaseGrant.id = id
            request.leaseGrant.ttl = ttl
        }
        try propose(world, on: index) { request in
            request.put.key = Data("leased\(id)".utf8)
            request.put.lease = id
        }
    }

    private func renew(_ id: Int64, _ world: World, on index: Int) -> Member.Renewal? {
        var renewal: Member.Renewal?
        world.machines[index].member?.renewLease(LeaseID(id)) { renewal = $0 }
        world.wake(index)
        world.run(atMost: 8_000) { renewal != nil }
        return renewal
    }

    private func has(_ id: Int64, _ world: World, on index: Int) -> Bool {
        world.machines[index].member?.keyspace.lease(LeaseID(id)) != nil
    }

    private func others(_ world: World, than index: Int) -> [Int] {
        world.machines.indices.filter { $0 != index }
    }

    @Test(arguments: 1...5)
    func `a new leader gives leases their time anew, and then ends them`(seed: UInt64) throws {
        let world = try cluster(seed: seed)
        let first = try #require(world.leader)
        try grant(1, ttl: 5, world, on: (first + 1) % 3)
        world.run(milliseconds: 4_000)
        world.crash(first)
        world.run(atMost: 10_000) { world.leader.map { $0 != first } ?? false }
        let second = try #require(world.leader)
        let promotedAt = world.now
        world.run(atMost: 60_000) { !has(1, world, on: second) }
        #expect(!has(1, world, on: second))
        #expect(world.now - promotedAt >= 5_000)
        // Its whole time, an election timeout, a tick or two, and some skew of the clock.
        #expect(world.now - promotedAt < 7_000)
        #expect(world.machines[second].member?.value(of: "leased1") == nil)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        for index in world.machines.indices { #expect(!has(1, world, on: index)) }
        #expect(world.violations.isEmpty)
    }

    @Test func `only the leader renews; others say that they do not decide`() throws {
        let world = try cluster()
        let leader = try #require(world.leader)
        try grant(1, ttl: 5, world, on: leader)
        for index in others(world, than: leader) {
            #expect(renew(1, world, on: index) == .notPrimary)
        }
        #expect(renew(1, world, on: leader) == .renewed(ttl: 5))
        #expect(renew(2, world, on: leader) == .notFound)
    }

    @Test func `a cluster that was stopped whole has its leases and their keys again`() throws {
        let world = try cluster(seed: 3)
        try grant(1, ttl: 60, world, on: try #require(world.leader))
        world.run(milliseconds: 2_000)
        for index in world.machines.indices { world.crash(index, tear: .nothing) }
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        for machine in world.machines {
            let lease = machine.member?.keyspace.lease(LeaseID(1))
            #expect(lease?.sortedKeys == [Array("leased1".utf8)])
            #expect(lease?.grantedTTL == 60)
        }
        #expect(world.violations.isEmpty)
    }

    @Test func `a new leader does not say that a lease is not there before it knows`() throws {
        let world = try cluster(seed: 2)
        // Nobody learns that this is committed but the leader.
        let first = try #require(world.leader)
        world.drops = { $0.kind == .heartbeat || ($0.kind == .append && $0.entries.isEmpty) }
        try propose(world, on: first) { request in
            request.leaseGrant.id = 1
            request.leaseGrant.ttl = 60
        }
        world.crash(first)
        world.drops = nil
        var answers = 0
        var isKnown = false
        world.run(atMost: 10_000) {
            guard let leader = world.leader, leader != first else { return false }
            world.machines[leader].member?.leaseInfo(LeaseID(1), keys: false) { result in
                answers += 1
                switch result {
                case .success(let info): isKnown = info != nil
                case .failure(let error): #expect(error == .leaderChanged)
                }
                if case .success(nil) = result { Issue.record("it was granted") }
            }
            return isKnown
        }
        #expect(isKnown)
        #expect(answers > 1)
    }

    @Test(arguments: 1...5)
    func `a deposed leader ends nothing that its successor keeps alive`(seed: UInt64) throws {
        let world = try cluster(seed: seed)
        let old = try #require(world.leader)
        try grant(1, ttl: 5, world, on: old)
        world.run(milliseconds: 4_500)
        world.partition([old])
        world.run(atMost: 10_000) { world.leader.map { $0 != old } ?? false }
        let successor = try #require(world.leader)
        for round in 0..<10 {
            let renewal = renew(1, world, on: successor)
            // Until the successor's first entry is applied, it does not decide either.
            #expect(renewal == .renewed(ttl: 5) || (round == 0 && renewal == .notPrimary))
            world.run(milliseconds: 2_000)
            if round == 5 { world.healNetwork() }
        }
        #expect(has(1, world, on: successor))
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.violations.isEmpty)
    }

    @Test func `what a leader decided and could not propose is withdrawn when it is deposed`()
        throws
    {
        let world = try cluster()
        let old = try #require(world.leader)
        let (heir, other) = (others(world, than: old)[0], others(world, than: old)[1])
        try grant(1, ttl: 5, world, on: old)
        world.run(milliseconds: 4_400)
        // While leadership is being handed over to somebody who does not hear of it, Raft takes no
        // proposals, so the revocation waits at the old leader's door.
        world.drops = { $0.kind == .timeoutNow }
        let member = try #require(world.machines[old].member)
        let before = member.lastLogIndex
        member.transferLeadership(to: world.machines[heir].id)
        world.wake(old)
        world.run(milliseconds: 900)
        #expect(member.isLeader)
        #expect(member.lastLogIndex == before)
        var renewal: Member.Renewal?
        member.renewLease(LeaseID(1)) { renewal = $0 }
        world.wake(old)
        world.run(milliseconds: 10)
        #expect(renewal == nil, "its time is over")

        // Somebody else gets it, before the first handover is given up.
        world.drops = nil
        member.transferLeadership(to: world.machines[other].id)
        world.wake(old)
        world.run(atMost: 1_000) { world.leader == other }
        #expect(world.leader == other)
        #expect(member.lastLogIndex <= before + 1, "nothing but the new leader's first entry")
        for _ in 0..<10 {
            world.run(milliseconds: 500)
            #expect(renew(1, world, on: other) == .renewed(ttl: 5))
        }
        #expect(renewal == .notPrimary)
        #expect(world.violations.isEmpty)
    }

    @Test func `a renewal of a lease whose time is over waits for its end`() throws {
        let world = try cluster()
        let leader = try #require(world.leader)
        try grant(1, ttl: 5, world, on: leader)
        // The followers hear nothing, so the revocation is not committed.
        world.run(milliseconds: 4_900)
        world.drops = { $0.kind == .append }
        world.run(milliseconds: 500)
        #expect(has(1, world, on: leader))
        var renewal: Member.Renewal?
        world.machines[leader].member?.renewLease(LeaseID(1)) { renewal = $0 }
        world.wake(leader)
        world.run(milliseconds: 300)
        #expect(renewal == nil)
        world.drops = nil
        world.run(atMost: 5_000) { renewal != nil }
        #expect(renewal == .notFound)
        #expect(!has(1, world, on: leader))
    }

    @Test(arguments: [true, false])
    func `a leader in doubt ends nothing until a quorum confirms it`(isInDoubt: Bool) throws {
        let world = try cluster()
        let leader = try #require(world.leader)
        let member = try #require(world.machines[leader].member)
        try grant(1, ttl: 5, world, on: leader)
        world.run(milliseconds: 4_800)
        world.partition([leader])
        if isInDoubt { member.doubtLeadership() }
        let before = member.lastLogIndex
        world.run(milliseconds: 500)
        // A quorum that it has not heard from for so short a time has not made it step down yet.
        #expect(member.isLeader)
        #expect(member.lastLogIndex == before + (isInDoubt ? 0 : 1))
        guard isInDoubt else { return }
        var renewal: Member.Renewal?
        member.renewLease(LeaseID(1)) { renewal = $0 }
        world.wake(leader)
        world.run(milliseconds: 100)
        #expect(renewal == nil)
        world.healNetwork()
        world.run(atMost: 5_000) { renewal != nil }
        #expect(renewal == .notFound)
        #expect(member.isLeader)
    }

    @Test func `a member that was down has the leases of the others, and not those that ended`()
        throws
    {
        let world = try cluster(seed: 4)
        let leader = try #require(world.leader)
        let down = others(world, than: leader)[0]
        try grant(1, ttl: 5, world, on: leader)
        world.run(milliseconds: 500)
        world.crash(down)
        try grant(2, ttl: 60, world, on: leader)
        world.run(milliseconds: 7_000)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(!has(1, world, on: down))
        #expect(
            world.machines[down].member?.keyspace.lease(LeaseID(2))?.sortedKeys
                == [Array("leased2".utf8)]
        )
        #expect(world.violations.isEmpty)
    }
}
