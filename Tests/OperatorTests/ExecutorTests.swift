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
                directory: try StateDirectory(creating: root, on: disk).cluster(Sample.name),
                trash: root + "/trash",
                runtime: members,
                members: SilentMembers(),
                programs: FakePrograms(),
                tools: NoTools(),
                ports: Ports(records: []) { _, _ in .free }
            )
        }

        @discardableResult
        mutating func run(
            _ step: Step,
            at root: String = "/state"
        ) async throws -> Executor.Outcome {
            try await executor(at: root).run(step, &record, cluster, source: "a.yaml")
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

    @Test func `rule 12: nothing is started on or moved away with data whose lock is held`()
        async throws
    {
        var desk = try await Desk()
        let data = "/state/clusters/default/orders/members/orders-0/data"
        try await desk.run(.start(member: "orders-0", as: .new))
        _ = try await desk.run(.stop(members: ["orders-0"]))
        let lock = try desk.disk.lock(data + "/member/lock")
        for step in [Step.start(member: "orders-0", as: .existing), .discard] {
            let error = await #expect(throws: OperatorError.self) {
                try await desk.run(step)
            }
            #expect(error?.code == .foreign)
        }
        #expect(desk.members.commands.count == 1)
        lock.release()
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
            directory: try StateDirectory(creating: "/state", on: disk).cluster(Sample.name),
            trash: "/state/trash",
            runtime: FakeMembers(disk: disk, withLog: []),
            members: SilentMembers(),
            programs: FakePrograms(),
            tools: NoTools(),
            ports: ports
        )
        var record: ClusterRecord?
        let cluster = EtcdCluster(metadata: Metadata(name: "orders"))
        let rebuilt = Sample.record(phase: .started)
        _ = try await executor.run(.adoptRecord(rebuilt), &record, cluster, source: "a.yaml")
        let others = try ports.allocate(3, base: 0, address: "127.0.0.1", uid: "b")
        #expect(others[0].clientPort == 23_810)
    }
}
