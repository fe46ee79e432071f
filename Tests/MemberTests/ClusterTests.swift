import EtcdProto
import Keyspace
import Member
import Raft
import Simulator
import Storage
import TestKit
import Testing

/// Whole clusters in a simulated world: what clients may rely on.
@Suite struct ClusterTests {
    @Test(arguments: [1, 2, 3, 5])
    func `a new cluster elects a leader and serves`(members: Int) throws {
        let world = try World(members: members)
        try world.startAll()
        let isUp = world.run(atMost: 10_000) { world.leader != nil }
        #expect(isUp)
        for index in world.machines.indices {
            let write = world.put("k\(index)", "v", on: index)
            world.run(atMost: 5_000) { write.result != nil }
            #expect(write.isSuccess)
            let read = world.get("k\(index)", on: (index + 1) % members)
            world.run(atMost: 5_000) { read.result != nil }
            #expect((try? read.result?.get()) == "v")
        }
        let isQuiet = world.converges(within: 5_000)
        #expect(isQuiet)
        #expect(world.violations.isEmpty)
    }

    @Test func `a new cluster knows its members, their names and its version`() throws {
        let world = try World(members: 3)
        try world.startAll()
        let isUp = world.run(atMost: 20_000) {
            world.machines.allSatisfy { $0.member?.membership.clusterVersion != nil }
        }
        #expect(isUp)
        let isQuiet = world.converges(within: 5_000)
        #expect(isQuiet)
        let membership = try #require(world.machines[0].member?.membership)
        #expect(membership.clusterVersion == ServerVersion(major: 3, minor: 6))
        #expect(membership.members.map(\.name).sorted() == ["n1", "n2", "n3"])
        #expect(membership.members.allSatisfy { $0.clientURLs == ["http://\($0.name):2379"] })
        #expect(world.violations.isEmpty)
    }

    @Test(arguments: [3, 5], 1...10 as ClosedRange<UInt64>)
    func `who just started waits for the others and not as if for a leader that was lost`(
        members: Int,
        seed: UInt64
    ) throws {
        let world = try World(members: members, seed: seed)
        try world.startAll()
        // A lost leader is missed after one election timeout, which is a second here, or up to two.
        world.run(atMost: 10_000) { world.leader != nil }
        #expect(world.stage.now < 1_300_000)
    }

    @Test func `a single member serves at once, without waiting for any tick`() throws {
        let world = try World(members: 1)
        try world.start(0)
        let write = world.put("k", "v", on: 0)
        let isServing = world.run(atMost: 50) { write.isSuccess && world.readyMembers == [0] }
        #expect(isServing)
    }

    @Test func `a single member does not acknowledge before its own disk write`() throws {
        var options = WorldOptions()
        options.members = 1
        options.syncDelay = 700...700
        let world = try World(Seed(1), options)
        try world.start(0)
        world.run(atMost: 20_000) { world.machines[0].member?.hasLeader == true }
        world.run(milliseconds: 5_000)
        let syncedBefore = world.machines[0].syncedIndex
        let write = world.put("k", "v", on: 0)
        world.run(milliseconds: 650)
        #expect(write.result == nil)
        #expect(world.machines[0].member?.value(of: "k") == nil)
        world.run(milliseconds: 100)
        #expect(write.isSuccess)
        #expect(world.machines[0].syncedIndex > syncedBefore)
    }

    @Test func `after a leader's crash another one leads and nothing acknowledged is lost`() throws
    {
        let world = try World(members: 3, seed: 7)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let first = try #require(world.leader)
        for number in 0..<20 { world.put("k\(number)", "v\(number)", on: first) }
        world.run(atMost: 5_000) { world.history.acknowledged.count == 20 }
        world.crash(first, tear: .nothing)
        let hasNew = world.run(atMost: 10_000) { world.leader.map { $0 != first } ?? false }
        #expect(hasNew)
        let second = try #require(world.leader)
        let write = world.put("after", "v", on: second)
        world.run(atMost: 5_000) { write.result != nil }
        #expect(write.isSuccess)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.history.acknowledged.count == 22)
        #expect(world.violations.isEmpty)
    }

    @Test(arguments: [1, 3])
    func `a cluster that was stopped whole goes on where it was`(members: Int) throws {
        let world = try World(members: members, seed: 3)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        for number in 0..<50 { world.put("k\(number)", "v", on: try #require(world.leader)) }
        let wasQuiet = world.converges(within: 10_000)
        #expect(wasQuiet)
        let membership = world.machines[0].member?.membership
        for index in world.machines.indices { world.crash(index, tear: .nothing) }
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.history.acknowledged.count == 52)
        #expect(world.machines[0].member?.membership.members == membership?.members)
        #expect(world.violations.isEmpty)
    }

    @Test func `a member that was down catches up`() throws {
        let world = try World(members: 3, seed: 4)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let down = try #require(world.machines.indices.first { $0 != world.leader })
        world.crash(down)
        let leader = try #require(world.leader)
        for number in 0..<2_000 { world.put("k\(number % 100)", "v\(number)", on: leader) }
        world.run(atMost: 20_000) { world.history.acknowledged.count == 2_000 }
        #expect(world.history.acknowledged.count == 2_000)
        try world.start(down)
        let hasCaughtUp = world.run(atMost: 10_000) {
            world.machines[down].member?.appliedIndex == world.machines[leader].member?.appliedIndex
        }
        #expect(hasCaughtUp)
        let isQuiet = world.converges(within: 10_000)
        #expect(isQuiet)
        #expect(world.violations.isEmpty)
    }

    @Test func `a minority acknowledges nothing, and its clients learn that in time`() throws {
        let world = try World(members: 3, seed: 5)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let old = try #require(world.leader)
        world.run(milliseconds: 2_000)
        world.partition([old])
        let write = world.put("lost", "v", on: old)
        let read = world.get("lost", on: old)
        world.run(milliseconds: 2_900)
        #expect(write.result == nil)
        let isNew = world.run(atMost: 10_000) { world.leader.map { $0 != old } ?? false }
        #expect(isNew)
        let other = world.put("kept", "v", on: try #require(world.leader))
        world.run(atMost: 5_000) { write.result != nil && read.result != nil }
        #expect(write.error == .timeout || write.error == .timeoutDueToConnectionLost)
        #expect(read.error == .timeout)
        #expect(other.isSuccess)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.machines[old].member?.value(of: "lost") == nil)
        #expect(world.machines[old].member?.value(of: "kept") == "v")
        #expect(world.violations.isEmpty)
    }

    @Test func `a deposed leader that does not know it yet gives no stale read`() throws {
        let world = try World(members: 3, seed: 6)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let old = try #require(world.leader)
        let first = world.put("k", "1", on: old)
        world.run(atMost: 5_000) { first.result != nil }
        world.partition([old])
        // The old leader steps down only when it has not heard from a quorum for an election
        // timeout; the others elect as soon. Whoever of them reads now must not see "1" after "2".
        for _ in 0..<40 {
            for index in world.machines.indices { world.get("k", on: index) }
            if let leader = world.leader, leader != old { world.put("k", "2", on: leader) }
            world.run(milliseconds: 100)
        }
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.history.readCount > 20)
        #expect(world.machines[old].member?.value(of: "k") == "2")
        #expect(world.violations.isEmpty)
    }

    /// Else it could lead one term twice, with other entries the second time.
    @Test func `a candidate asks for votes when its own vote is on disk`() throws {
        var options = WorldOptions()
        options.syncDelay = 400...400
        let world = try World(Seed(11), options)
        var early = 0
        world.drops = { message in
            guard message.kind == .vote else { return false }
            let sender = world.machines.first { $0.id.node == message.from }
            if let sender, sender.syncedTerm < message.term { early += 1 }
            return false
        }
        try world.startAll()
        let isUp = world.run(atMost: 20_000) { world.leader != nil }
        #expect(isUp)
        #expect(early == 0)
        #expect(world.violations.isEmpty)
    }

    @Test func `requests that come while there is no leader are served when there is one`() throws {
        let world = try World(members: 3, seed: 8)
        try world.startAll()
        #expect(world.leader == nil)
        let write = world.put("k", "v", on: 0)
        let read = world.get("k", on: 1)
        world.run(atMost: 10_000) { write.result != nil && read.result != nil }
        #expect(write.isSuccess)
        #expect(read.isSuccess)
        #expect(world.violations.isEmpty)
    }

    @Test func `without a quorum requests time out as etcd's do`() throws {
        let world = try World(members: 3, seed: 9)
        try world.start(0)
        let write = world.put("k", "v", on: 0)
        let read = world.get("k", on: 0)
        world.run(milliseconds: 2_900)
        #expect(write.result == nil)
        #expect(read.result == nil)
        world.run(milliseconds: 400)
        #expect(write.error == .timeout)
        #expect(read.error == .timeout)
        #expect(world.history.pending == 0)
    }

    @Test func `leadership can be handed over`() throws {
        let world = try World(members: 3, seed: 10)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let old = try #require(world.leader)
        let next = (old + 1) % 3
        world.machines[old].member?.transferLeadership(to: world.machines[next].id)
        world.wake(old)
        let isOver = world.run(atMost: 1_000) { world.leader == next }
        #expect(isOver)
        #expect(world.violations.isEmpty)
    }
}
