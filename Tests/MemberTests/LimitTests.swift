import EtcdProto
import Foundation
import Keyspace
import Member
import Raft
import Simulator
import Storage
import TestKit
import Testing

/// Bounds: of requests, of work in a turn, of the log.
@Suite struct LimitTests {
    private func single(_ options: WorldOptions) throws -> World {
        var options = options
        options.members = 1
        let world = try World(Seed(1), options)
        try world.start(0)
        let isUp = world.run(atMost: 5_000) {
            world.machines[0].member?.membership.clusterVersion != nil
        }
        #expect(isUp)
        return world
    }

    @Test func `a request that is too large is refused`() throws {
        let world = try single(WorldOptions())
        let write = world.put("k", String(repeating: "v", count: 1_572_864), on: 0)
        #expect(write.error == .requestTooLarge)
        let fits = world.put("k", String(repeating: "v", count: 1_500_000), on: 0)
        world.run(milliseconds: 1_000)
        #expect(fits.isSuccess)
    }

    @Test func `when too much is pending new requests are refused until it is done`() throws {
        var options = WorldOptions()
        options.pendingBytes = 1 << 20
        let world = try single(options)
        let value = String(repeating: "v", count: 16_000)
        let writes = (0..<100).map { world.put("k\($0)", value, on: 0) }
        let refused = writes.filter { $0.error == .tooManyRequests }.count
        #expect(refused > 20 && refused < 50)
        world.run(milliseconds: 1_000)
        #expect(writes.filter(\.isSuccess).count == 100 - refused)
        let later = world.put("k", value, on: 0)
        world.run(milliseconds: 1_000)
        #expect(later.isSuccess)
        #expect(world.violations.isEmpty)
    }

    @Test func `over its quota a member refuses writes and still deletes and reads`() throws {
        var options = WorldOptions()
        options.quotaBytes = 20_000
        let world = try single(options)
        var written = 0
        for number in 0..<100 {
            let write = world.put("k\(number)", String(repeating: "v", count: 1_000), on: 0)
            world.run(milliseconds: 300)
            if write.isSuccess { written += 1 } else { #expect(write.error == .noSpace) }
        }
        #expect(written > 5 && written < 20)
        var deletion = InternalRaftRequest()
        deletion.deleteRange.key = Data("k0".utf8)
        var deleted: Result<ApplyResponse, EtcdError>?
        world.machines[0].member?.propose(deletion) { deleted = $0 }
        world.wake(0)
        let read = world.get("k0", on: 0)
        world.run(milliseconds: 1_000)
        #expect(read.isSuccess)
        if case .success(.deleteRange(let response)) = deleted {
            #expect(response.deleted == 1)
        } else {
            Issue.record("the deletion gave \(String(describing: deleted))")
        }
    }

    @Test func `a turn's work is bounded, and the rest is done in the next turns`() throws {
        var options = WorldOptions()
        options.entriesPerTurn = 10
        let world = try single(options)
        let member = try #require(world.machines[0].member)
        let writes = (0..<500).map { world.put("k\($0)", "v", on: 0) }
        var largest: UInt64 = 0
        var last = member.appliedIndex
        let isDone = world.run(atMost: 5_000) {
            largest = max(largest, member.appliedIndex.rawValue - last.rawValue)
            last = member.appliedIndex
            return writes.allSatisfy(\.isSuccess)
        }
        #expect(isDone)
        #expect(largest > 1 && largest <= 10)
    }

    @Test func `the log is cut off, and members start from what is left`() throws {
        var options = WorldOptions()
        options.segmentSize = 8 << 10
        options.snapshotCount = 500
        options.catchUpEntries = 200
        options.catchUpBytes = 0
        let world = try World(Seed(2), options)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let leader = try #require(world.leader)
        for round in 0..<40 {
            for number in 0..<100 { world.put("k\(number)", "v\(round)", on: leader) }
            world.run(milliseconds: 200)
        }
        #expect(world.history.acknowledged.count == 4_000)
        let isQuiet = world.converges(within: 5_000)
        #expect(isQuiet)
        for index in world.machines.indices {
            let files = try world.machines[index].disk.list("/data/member/wal")
            let first = try #require(files.first { $0.hasSuffix(".wal") })
            #expect(first > "0000000000000002", "\(files)")
            #expect(files.count < 30)
            world.crash(index, tear: .nothing)
        }
        let isQuietAgain = world.converges(within: 20_000)
        #expect(isQuietAgain)
        #expect(world.history.acknowledged.count == 4_002)
        #expect(world.violations.isEmpty)
    }

    @Test func `a leader keeps the entries that a follower which is down will need`() throws {
        var options = WorldOptions()
        options.snapshotCount = 500
        options.catchUpEntries = 200
        options.catchUpBytes = 0
        let world = try World(Seed(3), options)
        try world.startAll()
        world.run(atMost: 10_000) { world.leader != nil }
        let leader = try #require(world.leader)
        let down = (leader + 1) % 3
        world.crash(down)
        for round in 0..<30 {
            for number in 0..<100 { world.put("k\(number)", "v\(round)", on: leader) }
            world.run(milliseconds: 200)
        }
        #expect(world.history.acknowledged.count == 3_000)
        let isQuiet = world.converges(within: 20_000)
        #expect(isQuiet)
        #expect(world.violations.isEmpty)
    }

    @Test func `messages that only a node itself may send are dropped`() throws {
        let world = try single(WorldOptions())
        let member = try #require(world.machines[0].member)
        let before = member.status
        let id = member.memberID.node
        for kind in Message.Kind.allCases {
            for from in [NodeID.none, .localAppendThread, .localApplyThread, NodeID(rawValue: 77)] {
                guard kind != .vote, kind != .heartbeat, kind != .append else { continue }
                member.receive(
                    Message(
                        kind: kind,
                        to: id,
                        from: from,
                        responses: [
                            Message(kind: .append, to: NodeID(rawValue: 5))
                        ]
                    )
                )
            }
        }
        let change = Entry(term: .zero, index: .zero, kind: .confChangeV2)
        member.receive(
            Message(kind: .propose, to: id, from: NodeID(rawValue: 77), entries: [change])
        )
        world.wake(0)
        world.run(milliseconds: 500)
        #expect(member.isLeader)
        #expect(member.term == before.term)
        #expect(member.appliedIndex == before.appliedIndex)
    }
}
