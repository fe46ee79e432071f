import ClusterAPI
import Operator
import Planning
import Storage
import Testing

@Suite struct ExecutorTests {
    /// A machine in memory on which one cluster of three was begun.
    private struct Desk {
        let disk = MemoryDisk()
        let members: FakeMembers
        var record: ClusterRecord?
        let cluster = EtcdCluster(metadata: Metadata(name: "orders"))

        init() async throws {
            members = FakeMembers(disk: disk, withLog: [])
            try await run(.allocate(members: 3))
            try await run(.begin)
        }

        func executor(at root: String = "/state") throws -> Executor {
            Executor(
                on: try StateDirectory(creating: root, on: disk).cluster(Sample.name),
                root: root,
                runtime: members
            )
        }

        let data = "/state/clusters/default/orders/members/orders-0/data"

        /// On a cluster of which one member is seen, whose data is in its place.
        @discardableResult
        mutating func run(
            _ step: Step,
            at root: String = "/state"
        ) async throws -> Executor.Outcome {
            let now = Instant(monotonic: .seconds(100), wall: Timestamp(seconds: 1_800_000_000))
            var seen = Observation(name: cluster.name, spec: cluster.spec, now: now)
            seen.members = [MemberObservation(name: "orders-0", directory: .intact)]
            return try await executor(at: root).run(step, &record, cluster, source: "a.yaml", seen)
        }

        /// A recovery has begun, and this is the one that is left.
        mutating func recover(from survivor: String) throws {
            var recovery = Recovery(why: "the others are gone", at: Timestamp(seconds: 0))
            recovery.source = Recovery.Source(
                survivor: survivor,
                lastTerm: 1,
                lastIndex: 1,
                undecided: 0,
                token: "orders-next"
            )
            recovery.retiring = [survivor]
            record?.recovery = recovery
        }
    }

    @Test func `a member runs on the data of the state directory that is managed now`() async throws
    {
        var desk = try await Desk()
        try await desk.run(.start(member: "orders-0", as: .new))
        try desk.disk.rename("/state", to: "/moved")
        try await desk.run(.start(member: "orders-1", as: .new), at: "/moved")
        let data = desk.members.commands.map { command in
            command.filter { $0.hasPrefix("--data-dir=") }
        }
        let folder = "clusters/default/orders/members"
        #expect(
            data == [
                ["--data-dir=/state/\(folder)/orders-0/data"],
                ["--data-dir=/moved/\(folder)/orders-1/data"],
            ]
        )
    }

    /// Every step that starts something on a member's data, moves it, reads it or writes into it.
    static let usingData: [Step] = [
        .start(member: "orders-0", as: .existing), .withdrawLaunch(member: "orders-0"), .discard,
        .trash(member: "orders-0"), .putAside(member: "orders-1", from: "orders-0"),
        .putBack(member: "orders-1", from: "orders-0"), .chooseSurvivor, .salvage, .retireOld,
    ]

    @Test(arguments: usingData)
    func `rule 12: nothing is done with data whose lock is held`(step: Step) async throws {
        var desk = try await Desk()
        try await desk.run(.start(member: "orders-0", as: .new))
        _ = try await desk.run(.stop(members: ["orders-0"]))
        try desk.recover(from: "orders-0")
        if step == .withdrawLaunch(member: "orders-0") {
            try desk.disk.removeAll(desk.data + "/member/wal")
        }
        let lock = try desk.disk.lock(desk.data + "/member/lock")
        let error = await #expect(throws: OperatorError.self) {
            try await desk.run(step)
        }
        #expect(error?.code == .foreign)
        #expect(desk.members.commands.count == 1)
        #expect(try desk.disk.list(desk.data) == ["member"])
        #expect(try desk.disk.list(desk.data + "/member").contains("lock"))
        lock.release()
    }

    @Test func `rule 12: a cluster goes to the trash when nobody uses what it put away`()
        async throws
    {
        var desk = try await Desk()
        let folder = "/state/clusters/default/orders"
        for place in ["trash/2026-11-22T10-00-00Z-orders-7", "members/.orders-1"] {
            let old = "\(folder)/\(place)/data/member"
            try desk.disk.createDirectory(old)
            let lock = try desk.disk.lock(old + "/lock")
            let error = await #expect(throws: OperatorError.self) {
                try await desk.run(.discard)
            }
            #expect(error?.code == .foreign)
            lock.release()
        }
        // Nor while the disk of the members is not there.
        let sentinel = "/state/clusters/default/orders/members/.sentinel"
        let uid = try desk.disk.read(sentinel)
        try desk.disk.remove(sentinel)
        let second = await #expect(throws: OperatorError.self) {
            try await desk.run(.discard)
        }
        #expect(second?.code == .state && second?.what.contains("mounted") == true)
        try desk.disk.replace(sentinel, with: uid)
        guard case .discarded(let place) = try await desk.run(.discard) else {
            Issue.record("it was not discarded")
            return
        }
        #expect(place.hasPrefix("/state/trash/20") && place.hasSuffix("Z-default-orders"))
        #expect(try desk.disk.status(place + "/cluster.json") != nil)
    }

    @Test func `a copy of the record that cannot be written keeps no member from starting`()
        async throws
    {
        var desk = try await Desk()
        try await desk.run(.start(member: "orders-0", as: .new))
        _ = try await desk.run(.stop(members: ["orders-0"]))
        desk.record?.accepted.metadata.generation = 7
        desk.disk.setCapacity(0)
        let outcome = try await desk.run(.start(member: "orders-0", as: .existing))
        #expect(outcome == .done)
    }

    @Test func `a record that is put together again has its ports for itself`() async throws {
        let disk = MemoryDisk()
        let ports = Ports(records: []) { _, _ in .free }
        let executor = Executor(
            on: try StateDirectory(creating: "/state", on: disk).cluster(Sample.name),
            runtime: FakeMembers(disk: disk, withLog: []),
            ports: ports
        )
        var record: ClusterRecord?
        let cluster = EtcdCluster(metadata: Metadata(name: "orders"))
        let rebuilt = Sample.record(phase: .started)
        _ = try await executor.run(.adoptRecord(rebuilt), &record, cluster, source: "a.yaml")
        let others = try ports.allocate(3, in: .init(), uid: "b")
        #expect(others[0].clientPort == 23_810)
    }
}
