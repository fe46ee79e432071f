import ClusterAPI
import Operator
import Planning
import Storage
import Testing

/// Leaders and slow disks as a row of passes shows them.
@Suite struct LeaderMemoryTests {
    private let record = Sample.record(phase: .bootstrapped)

    /// All serve and name a leader; nil: they know none.
    private func seen(_ leader: Int?, term: UInt64, at seconds: Int) -> Observation {
        let now = Instant(monotonic: .seconds(seconds), wall: Timestamp(seconds: 0))
        var seen = Observation(name: Sample.name, spec: ClusterSpec(), now: now)
        seen.record = .read(record)
        seen.members = record.members.map { member in
            var observed = MemberObservation(
                name: member.name,
                directory: .intact,
                process: .running(processID: 7, since: .zero),
                probe: Probe(leader == nil ? .noLeader : .serving)
            )
            observed.probe.clusterID = record.clusterID
            observed.probe.memberID = member.id
            observed.probe.leaderID = leader.flatMap { record.members[$0].id }
            observed.probe.term = term
            return observed
        }
        return seen
    }

    private func losses(_ memory: LeaderMemory) -> [LeaderLoss] {
        var blank = seen(0, term: 1, at: 0)
        memory.tell(&blank)
        return blank.leaderLosses
    }

    @Test func `rule 17: a leader that another follows has lost its office`() {
        var memory = LeaderMemory()
        memory.take(seen(0, term: 2, at: 1), record)
        memory.take(seen(0, term: 2, at: 2), record)
        #expect(losses(memory).isEmpty)
        memory.take(seen(nil, term: 3, at: 3), record)
        memory.take(seen(1, term: 3, at: 4), record)
        #expect(losses(memory) == [LeaderLoss(member: "orders-0", at: .seconds(4))])
        // It came back between two looks: only the term tells.
        memory.take(seen(1, term: 5, at: 5), record)
        #expect(losses(memory).map(\.member) == ["orders-0", "orders-1"])
        memory.take(seen(1, term: 5, at: 304), record)
        #expect(losses(memory).count == 2)
        memory.take(seen(1, term: 5, at: 305), record)
        #expect(losses(memory).map(\.member) == ["orders-1"])
    }

    @Test func `rule 17: a leader that ended, or that was told to hand over, has lost nothing`() {
        var memory = LeaderMemory()
        memory.take(seen(0, term: 2, at: 1), record)
        var ended = seen(nil, term: 2, at: 2)
        ended.members[0].process = .none
        memory.take(ended, record)
        // By the time another leads it runs again.
        var back = seen(1, term: 3, at: 4)
        back.members[0].process = .running(processID: 9, since: .seconds(3))
        memory.take(back, record)
        #expect(losses(memory).isEmpty)
        memory.move(at: .seconds(5))
        memory.take(seen(2, term: 4, at: 6), record)
        #expect(losses(memory).isEmpty)
        var told = seen(2, term: 4, at: 6)
        memory.tell(&told)
        #expect(told.leaderMovedAt == .seconds(5))
        // What happened while nobody watched is not counted.
        memory.startAnew()
        memory.take(seen(0, term: 9, at: 900), record)
        #expect(losses(memory).isEmpty)
    }

    @Test func `rule 17: slow syncs count for five minutes`() {
        var memory = MemberMemory()
        memory.noteSlowSyncs(2, at: .seconds(10))
        memory.noteSlowSyncs(1, at: .seconds(20))
        var member = MemberObservation(name: "orders-0", directory: .intact)
        memory.noteSlowSyncs(0, at: .seconds(310))
        memory.tell(&member)
        #expect(member.slowSyncs == 3)
        memory.noteSlowSyncs(0, at: .seconds(311))
        memory.tell(&member)
        #expect(member.slowSyncs == 1)
    }

    @Test func `lines are counted that a log gains, across its runs`() throws {
        let disk = MemoryDisk()
        let path = "/log/member.log"
        let slow = "{\"level\":\"warn\",\"msg\":\"slow fdatasync\",\"took\":\"1.2s\"}\n"
        try disk.createDirectory("/log")
        func append(_ text: String) throws {
            let file = try disk.open(path, .createOrOpen)
            defer { file.close() }
            try file.write(Array(text.utf8), at: try file.size())
        }
        var counter = LogCounter()
        func count() -> Int { counter.count(["slow fdatasync", "other"], in: path, on: disk) }
        #expect(count() == 0)
        try append(slow + slow)
        // What was there at the first look is old.
        #expect(count() == 0)
        try append(slow + "fine\n" + slow + slow.prefix(30))
        #expect(count() == 2)
        #expect(count() == 0)
        // A line counts when it has ended.
        try append(String(slow.dropFirst(30)))
        #expect(count() == 1)
        // The next run has a file of its own, which may be as long as the last.
        try disk.rename(path, to: path + ".1")
        try append(slow + "other\n")
        #expect(count() == 2)
        // It was cut.
        let file = try disk.open(path, .write)
        try file.truncate(to: 0)
        file.close()
        try append(slow)
        #expect(count() == 1)
        // No more than so much is read of a flood.
        try append(slow)
        try append(String(repeating: String(repeating: "x", count: 99) + "\n", count: 4000))
        #expect(count() == 0)
        try append(slow)
        #expect(count() == 1)
        try disk.remove(path)
        #expect(count() == 0)
    }

    @Test func `rule 9: the ballast is given back when the disk is full`() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/state")
        let ballast = Ballast(path: "/state/ballast", on: disk)
        func size() throws -> Int64? { try disk.status("/state/ballast")?.size }
        // Not while there is little space.
        #expect(try ballast.adjust(to: 300 << 20) == 300 << 20)
        #expect(try size() == nil)
        _ = try ballast.adjust(to: 1 << 30)
        #expect(try size() == 16 << 20)
        #expect(try ballast.adjust(to: 5 << 20) == 5 << 20)
        #expect(try size() == 16 << 20)
        disk.setCapacity(16 << 20)
        #expect(try ballast.adjust(to: 0) == 16 << 20)
        #expect(try size() == nil)
        #expect(try ballast.adjust(to: 0) == 0)
    }
}
