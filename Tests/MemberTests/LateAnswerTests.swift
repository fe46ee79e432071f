import Member
import Raft
import Simulator
import TestKit
import Testing

/// Answers to a leader of an older term.
@Suite struct LateAnswerTests {
    /// A follower also answers what is of an older term, with an acceptance of index 0. A new
    /// leader that takes it for the answer to its first probe begins at the log's beginning.
    @Test(arguments: 1...3)
    func `an answer to an older term does not make a new leader send a snapshot`(
        seed: UInt64
    ) throws {
        var options = WorldOptions()
        options.snapshotCount = 5
        options.catchUpEntries = 1
        options.catchUpBytes = 0
        options.laggardBytes = 1 << 10
        let world = try World(Seed(seed), options)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let old = try #require(world.leader)
        for number in 0..<40 {
            let write = world.put("k", "\(number)", on: old)
            world.run(atMost: 5_000) { write.result != nil }
        }
        world.run(milliseconds: 2_000)
        let others = world.machines.indices.filter { $0 != old }
        let (heir, follower) = (others[0], world.machines[others[1]].id.node)
        // The new leader hears no answer of the follower to its probe.
        world.drops = { $0.kind == .appendResponse && $0.from == follower }
        world.machines[old].member?.transferLeadership(to: world.machines[heir].id)
        world.wake(old)
        world.run(atMost: 5_000) { world.leader == heir }
        let leader = try #require(world.machines[heir].member)
        #expect(leader.isLeader)
        var late = Message(kind: .appendResponse)
        late.from = follower
        late.to = leader.memberID.node
        late.term = leader.term
        leader.receive(late)
        world.wake(heir)
        world.drops = nil
        let write = world.put("k", "last", on: heir)
        world.run(atMost: 5_000) { write.isSuccess }
        #expect(write.isSuccess)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.stage.occasions[.leader] >= 2)
        #expect(world.stage.occasions[.logCut] > 0, "the log does not begin at its beginning")
        #expect(world.stage.occasions[.snapshotOrdered] == 0)
        #expect(world.violations.isEmpty)
    }
}
