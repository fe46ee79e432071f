import EtcdProto
import Keyspace
import Member
import Raft
import Simulator
import TestKit
import Testing

/// Members come and go.
@Suite struct ReconfigurationTests {
    private func settledWorld(_ members: Int, seed: UInt64) throws -> (World, leader: Int) {
        let world = try World(members: members, seed: seed)
        try world.startAll()
        let isSettled = world.run(atMost: 20_000) {
            world.leader.map { leader in
                world.machines[leader].member?.membership.members.allSatisfy(\.hasStarted) ?? false
            } ?? false
        }
        #expect(isSettled)
        // Strict checks ask for five seconds of health.
        world.run(milliseconds: 6_000)
        return (world, try #require(world.leader))
    }

    private func add(
        _ url: String,
        isLearner: Bool,
        to world: World,
        via index: Int
    ) throws -> Result<(added: MemberInfo, all: [MemberInfo]), EtcdError>? {
        var result: Result<(added: MemberInfo, all: [MemberInfo]), EtcdError>?
        world.machines[index].member?.addMember(
            peerURLs: [url],
            isLearner: isLearner,
            token: "world",
            unixSeconds: 1_700_000_000
        ) { result = $0 }
        world.wake(index)
        world.run(atMost: 10_000) { result != nil }
        return result
    }

    @Test func `a learner joins, catches up, is promoted and then counts`() throws {
        let (world, leader) = try settledWorld(1, seed: 1)
        for number in 0..<100 { world.put("k\(number)", "v", on: leader) }
        let answer = try add("http://n2:2380", isLearner: true, to: world, via: leader)
        let added = try #require(try answer?.get())
        #expect(added.all.count == 2)
        #expect(added.added.isLearner)

        func promote() throws -> Result<[MemberInfo], EtcdError>? {
            var result: Result<[MemberInfo], EtcdError>?
            world.machines[leader].member?.promoteMember(added.added.id) { result = $0 }
            world.wake(leader)
            world.run(atMost: 10_000) { result != nil }
            return result
        }
        #expect(throws: EtcdError.learnerNotReady) { try promote()?.get() }

        let index = world.addMachine("n2", added.added.id)
        try world.start(index)
        let hasCaughtUp = world.run(atMost: 10_000) {
            world.machines[index].member?.membership.member(added.added.id)?.name == "n2"
        }
        #expect(hasCaughtUp)
        #expect(world.machines[index].member?.isLearner == true)
        #expect(try promote()?.get().count == 2)
        world.run(atMost: 5_000) { world.machines[index].member?.isLearner == false }
        #expect(world.machines[index].member?.isLearner == false)

        world.crash(index)
        let write = world.put("needs both", "v", on: leader)
        world.run(milliseconds: 1_000)
        #expect(write.result == nil)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.violations.isEmpty)
    }

    @Test func `a member is removed, hears of it, and its id never comes back`() throws {
        let (world, leader) = try settledWorld(3, seed: 2)
        let gone = (leader + 1) % 3
        let id = world.machines[gone].id
        var result: Result<[MemberInfo], EtcdError>?
        // Asked of a follower, which passes the proposal on.
        let asked = (leader + 2) % 3
        world.machines[asked].member?.removeMember(id) { result = $0 }
        world.wake(asked)
        world.run(atMost: 10_000) { result != nil }
        #expect(try result?.get().map(\.id).contains(id) == false)
        world.run(milliseconds: 1_000)
        #expect(world.removedMembers == [id])
        world.removeMachine(gone)
        let member = try #require(world.machines[leader].member)
        #expect(member.membership.isRemoved(id))
        let change = MembershipChange.add(MemberInfo(id: id, peerURLs: ["http://x:1"]))
        #expect(member.membership.problem(with: change, maxLearners: 1) == .memberNotFound)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        // It is still so after a restart.
        world.crash(leader)
        try world.start(leader)
        #expect(world.machines[leader].member?.membership.removed == [id])
        // So it is for the one that was removed, should it be started again.
        try world.start(gone)
        #expect(world.machines[gone].member?.turn().removedSelf == true)
        #expect(world.violations.isEmpty)
    }

    @Test func `changes that could cost the quorum are refused`() throws {
        let (world, leader) = try settledWorld(3, seed: 3)
        let down = (leader + 1) % 3
        world.crash(down)
        let other = (leader + 2) % 3
        func remove(_ index: Int) throws -> Result<[MemberInfo], EtcdError>? {
            var result: Result<[MemberInfo], EtcdError>?
            world.machines[leader].member?.removeMember(world.machines[index].id) { result = $0 }
            world.wake(leader)
            world.run(atMost: 10_000) { result != nil }
            return result
        }
        #expect(throws: EtcdError.unhealthy) { try remove(other)?.get() }
        let answer = try add("http://n4:2380", isLearner: false, to: world, via: leader)
        #expect(throws: EtcdError.unhealthy) { try answer?.get() }
        #expect(try remove(down)?.get().count == 2)
        world.removeMachine(down)
        // Two are left: neither may go while the other has to be the quorum alone.
        #expect(throws: EtcdError.memberNotFound) { try remove(down)?.get() }
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.violations.isEmpty)
    }

    @Test func `peer URLs can be changed, but not to another member's or to nonsense`() throws {
        let (world, leader) = try settledWorld(3, seed: 4)
        let id = world.machines[leader].id
        func update(_ urls: [String]) throws -> Result<[MemberInfo], EtcdError>? {
            var result: Result<[MemberInfo], EtcdError>?
            world.machines[leader].member?.updateMember(id, peerURLs: urls) { result = $0 }
            world.wake(leader)
            world.run(atMost: 10_000) { result != nil }
            return result
        }
        let taken = "http://\(world.machines[(leader + 1) % 3].name):2380"
        #expect(throws: EtcdError.peerURLExist) { try update([taken])?.get() }
        #expect(throws: EtcdError.memberBadURLs) { try update(["nonsense"])?.get() }
        #expect(throws: EtcdError.memberBadURLs) { try update([])?.get() }
        let members = try #require(try update(["http://new:2380"])?.get())
        #expect(members.first { $0.id == id }?.peerURLs == ["http://new:2380"])
        #expect(members.first { $0.id == id }?.name == world.machines[leader].name)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.violations.isEmpty)
    }
}
