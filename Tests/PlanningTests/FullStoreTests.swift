import ClusterAPI
import Planning
import Testing

/// The alarm NOSPACE: what gives a full store room again, and what is left to the user.
@Suite struct FullStoreTests {
    @Test
    func `a full store is compacted, defragmented, the leader last, and the alarm taken back`() {
        var seen = Orders.full()
        #expect(plan(seen).steps == [.compact])
        seen.spaceWork.compaction = .init(revision: 5, at: Orders.now.monotonic)
        #expect(plan(seen).steps == [.defragment(member: "orders-1")])
        seen.spaceWork.defragmented = ["orders-1", "orders-2"]
        #expect(plan(seen).steps == [.moveLeader(to: "orders-1")])
        let led = seen.members.indices.reduce(seen) { all, index in
            all.with(index) { $0.probe.leaderID = seen.known.members[2].id }
        }
        #expect(plan(led).steps == [.defragment(member: "orders-0")])
        seen.spaceWork.defragmented.insert("orders-0")
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason).contains("NoSpace"))
        for index in 0..<3 { seen = seen.with(index) { $0.probe.dbSize = 899 } }
        #expect(plan(seen).steps == [.disarm(seen.alarms)])
    }

    @Test func `a full store from which keys were deleted is compacted and defragmented again`() {
        var seen = Orders.full()
        let long = seen.now.monotonic - .seconds(30)
        seen.spaceWork.compaction = .init(revision: 5, at: long)
        seen.spaceWork.defragmented = ["orders-0", "orders-1", "orders-2"]
        #expect(plan(seen).steps.isEmpty)
        for index in 0..<3 { seen = seen.with(index) { $0.probe.revision = 6 } }
        #expect(plan(seen).steps == [.compact])
        // Not again and again while somebody deletes one key after the other.
        seen.spaceWork.compaction?.at = long + .seconds(1)
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `who uses most of its quota is not defragmented in vain`() {
        var seen = Orders.full()
        seen.spaceWork.compaction = .init(revision: 5, at: seen.now.monotonic)
        for index in 0..<3 { seen = seen.with(index) { $0.probe.dbSizeInUse = 900 } }
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason).contains("NoSpace"))
        seen = seen.with(2) { $0.probe.dbSizeInUse = 899 }
        #expect(plan(seen).steps == [.defragment(member: "orders-2")])
    }

    @Test func `etcd tells too late what it uses, so it is defragmented after every compaction`() {
        var seen = Orders.full()
        seen.spaceWork.compaction = .init(revision: 5, at: seen.now.monotonic)
        for index in 0..<3 { seen = seen.with(index) { $0.probe.dbSizeInUse = 900 } }
        var record = seen.known
        record.applied.spec.engine = .etcd(version: nil, binary: "/usr/bin/etcd")
        seen.record = .read(record)
        #expect(plan(seen).steps == [.defragment(member: "orders-1")])
    }

    @Test func `the quota that counts is the one with which the members run`() {
        var seen = Orders.full()
        seen.spaceWork.compaction = .init(revision: 5, at: seen.now.monotonic)
        seen.spaceWork.defragmented = ["orders-0", "orders-1", "orders-2"]
        seen.spec.storage.quota = Quantity(bytes: 9000)
        let told = plan(seen).notes.last { $0.reason == "NoSpace" }?.message
        #expect(told?.contains("delete keys until it holds less than 90% of 1k") == true)
    }

    @Test func `rule 18: a full store is not defragmented when that would take the quorum`() {
        var seen = Orders.full().hanging(2, for: .seconds(5))
        seen.spaceWork.compaction = .init(revision: 5, at: seen.now.monotonic)
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason).contains("NoSpace"))
        let five = Orders.voters(5)
        seen.spec = five.spec
        seen.memberList = five.memberList
        seen.record = five.record
        // Nor while a member may be on its way back.
        seen.members = five.hanging(4, for: .seconds(5)).members
        #expect(plan(seen).steps.isEmpty)
        seen.members = five.hanging(4, for: .seconds(99), restarted: true).members
        #expect(plan(seen).steps == [.defragment(member: "orders-1")])
    }

    @Test func `the alarm of a member that is no more is taken back`() {
        var seen = Orders.healthy()
        seen.alarms = [Alarm(.noSpace, memberID: "0")]
        #expect(plan(seen).steps == [.disarm(seen.alarms)])
    }
}
