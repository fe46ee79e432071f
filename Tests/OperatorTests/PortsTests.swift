import ClusterAPI
import Operator
import Planning
import Storage
import Synchronization
import Testing

@Suite struct PortsTests {
    @Test func `rule 37: clusters get blocks of their own, outside the kernel's range`() throws {
        let ports = Ports(records: [Sample.record(phase: .started)]) { _, _ in .free }
        let first = try ports.allocate(3, in: .init(), uid: "a")
        let second = try ports.allocate(5, in: .init(), uid: "b")
        #expect(first.map(\.clientPort) == [23_810, 23_812, 23_814])
        #expect(first.map(\.peerPort) == [23_811, 23_813, 23_815])
        #expect(second.map(\.clientPort).first == 23_830)
        #expect((first + second).allSatisfy { $0.peerPort < 32_768 })
    }

    @Test func `a block with a busy port is passed over`() throws {
        let ports = Ports(records: []) { _, port in port == 23_793 ? .busy : .free }
        let slots = try ports.allocate(3, in: .init(), uid: "a")
        #expect(slots[0].clientPort == 23_810)
    }

    @Test func `rule 37: a wanted port that is busy is an error and not moved`() throws {
        let ports = Ports(records: []) { _, port in port == 4002 ? .busy : .free }
        let error = #expect(throws: OperatorError.self) {
            try ports.allocate(3, in: .init(basePort: 4000), uid: "a")
        }
        #expect(error?.code == .portInUse && error?.place == "127.0.0.1:4002")
        // Nothing was reserved by the attempt.
        #expect(try ports.allocate(1, in: .init(basePort: 4000), uid: "b").count == 1)
    }

    @Test func `ports of another cluster are refused even while it is down`() throws {
        let ports = Ports(records: [Sample.record(phase: .bootstrapped)]) { _, _ in .free }
        #expect(throws: OperatorError.self) {
            try ports.allocate(3, in: .init(basePort: 23_791), uid: "b")
        }
        ports.release(uid: Sample.record(phase: .planned).uid)
        #expect(try ports.allocate(3, in: .init(basePort: 23_791), uid: "b").count == 3)
    }

    @Test func `ports that are chosen anew leave the old ones taken until that is written down`()
        throws
    {
        let ports = Ports(records: [Sample.record(phase: .planned)]) { _, _ in .free }
        let uid = Sample.record(phase: .planned).uid
        let moved = try ports.allocate(3, in: .init(basePort: 4000), uid: uid)
        for base in [4000, 23_790] {
            #expect(throws: OperatorError.self) {
                try ports.allocate(3, in: .init(basePort: base), uid: "b")
            }
        }
        var record = Sample.record(phase: .planned)
        record.place(in: moved)
        ports.reserve(record)
        #expect(try ports.allocate(3, in: .init(basePort: 23_790), uid: "b").count == 3)
    }

    @Test func `an address of nobody is told as such`() throws {
        let ports = Ports(records: [])
        for address in ["203.0.113.77", "nonsense"] {
            let error = #expect(throws: OperatorError.self) {
                try ports.allocate(1, in: .init(address: address), uid: "a")
            }
            #expect(error?.remedy == "correct spec.network.address")
        }
    }

    @Test func `rule 37: a chosen port taken before the first start is chosen again`() async throws
    {
        let busy = BusyPorts()
        let (executor, cluster) = try Self.planner(basePort: 0, busy)
        var record: ClusterRecord?
        _ = try await executor.run(.allocate(members: 3), &record, cluster, source: "a.yaml")
        let planned = try #require(record)
        busy.take(23_792)
        _ = try await executor.run(.begin, &record, cluster, source: "a.yaml")
        let started = try #require(record)
        #expect(planned.slots[0].clientPort == 23_790)
        #expect(started.slots[0].clientPort == 23_810)
        #expect(started.phase == .started)
        // The ids of members follow from their URLs.
        #expect(started.clusterID != planned.clusterID)
        #expect(
            started.members[0].launch?.arguments.contains(
                "--listen-client-urls=http://127.0.0.1:23810"
            ) == true
        )
    }

    @Test func `rule 37: a port that the user chose is never given up`() async throws {
        let busy = BusyPorts()
        let (executor, cluster) = try Self.planner(basePort: 4000, busy)
        var record: ClusterRecord?
        _ = try await executor.run(.allocate(members: 3), &record, cluster, source: "a.yaml")
        busy.take(4002)
        let error = await #expect(throws: OperatorError.self) {
            try await executor.run(.begin, &record, cluster, source: "a.yaml")
        }
        #expect(error?.code == .portInUse)
        #expect(record?.phase == .planned && record?.slots[0].clientPort == 4000)
    }

    private static func planner(
        basePort: Int,
        _ busy: BusyPorts
    ) throws -> (Executor, EtcdCluster) {
        let disk = MemoryDisk()
        var cluster = EtcdCluster(metadata: Metadata(name: "orders"))
        cluster.spec.network.basePort = basePort
        let executor = Executor(
            on: try StateDirectory(creating: "/state", on: disk).cluster(Sample.name),
            runtime: FakeMembers(disk: disk, withLog: []),
            ports: Ports(records: []) { _, port in busy.check(port) }
        )
        return (executor, cluster)
    }

    private final class BusyPorts: Sendable {
        private let ports = Mutex<Set<Int>>([])

        func take(_ port: Int) {
            ports.withLock { _ = $0.insert(port) }
        }

        func check(_ port: Int) -> PortCheck {
            ports.withLock { $0.contains(port) ? .busy : .free }
        }
    }

    @Test func `the holder of a port is found`() throws {
        let listener = try Listener()
        #expect(PortCheck.of("127.0.0.1", port: listener.port) == .busy)
        #expect(PortHolder().describe(port: listener.port).hasPrefix("process "))
        listener.stop()
        #expect(PortCheck.of("127.0.0.1", port: listener.port) == .free)
    }
}
