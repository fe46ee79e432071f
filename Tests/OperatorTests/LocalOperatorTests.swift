import ClusterAPI
import Glibc
import Operator
import Planning
import Storage
import TestKit
import Testing

/// The whole operator with real member processes: Debian's etcd, which takes the same flags.
@Suite(
    .serialized,
    .enabled(if: Fleet.etcd != nil, "SKIPPED: etcd is not installed (apt-get install etcd-server)")
)
struct LocalOperatorTests {
    @Test(.timeLimit(.minutes(10)))
    func `a declared cluster comes up, heals, is adopted, goes down and up`() async throws {
        let fleet = try Fleet()
        try fleet.declare()
        try await fleet.operate { _ in
            try await fleet.waitUntilReady()
            #expect(try fleet.status()?.endpoints.first == "http://127.0.0.1:\(fleet.basePort)")
            #expect(try await fleet.etcdctl("put", "hello", "world") == "OK\n")
            try await killAndHeal(fleet)
        }
        // The operator has gone; its members serve.
        let left = try fleet.processes()
        #expect(try await fleet.etcdctl("get", "hello", "--print-value-only") == "world\n")
        try await fleet.operate { _ in
            try await fleet.waitFor("restarts are counted anew") { status in
                status.members.allSatisfy { $0.restarts == 0 } && status.isReady
            }
            #expect(try fleet.processes() == left)
            // Everything dies; the same data comes back.
            for process in left { kill(process, SIGKILL) }
            try await fleet.waitFor("all are back") { status in
                status.isReady && !status.members.contains { left.contains($0.processID ?? 0) }
            }
            #expect(try await fleet.etcdctl("get", "hello", "--print-value-only") == "world\n")
            try await takeDownAndUp(fleet)
        }
        // With no operator `down` does the work itself.
        try await ControlClient(fleet.state).down(Fleet.name)
        #expect(try fleet.status()?.phase == "Stopped")
        try await fleet.clean()
    }

    private func killAndHeal(_ fleet: Fleet) async throws {
        let before = try fleet.processes()
        let start = ContinuousClock.now
        kill(before[1], SIGKILL)
        try await fleet.waitFor("the killed member runs again") { status in
            status.members[1].processID.map { $0 != before[1] } == true
        }
        #expect(ContinuousClock.now - start < .seconds(30))
        try await fleet.waitUntilReady()
        #expect(try fleet.status()?.members.map(\.restarts) == [0, 1, 0])
        #expect(
            try fleet.cluster.events().contains { $0.reason == "Killed" && $0.type == .warning }
        )
    }

    private func takeDownAndUp(_ fleet: Fleet) async throws {
        try await ControlClient(fleet.state).down(Fleet.name)
        #expect(try fleet.status()?.phase == "Stopped")
        #expect(try fleet.processes().isEmpty)
        try await ControlClient(fleet.state).up(Fleet.name)
        try await fleet.waitUntilReady()
        #expect(try await fleet.etcdctl("get", "hello", "--print-value-only") == "world\n")
    }

    @Test(.timeLimit(.minutes(10)))
    func `specs are followed: hibernate, wake, refuse, scale, pause, vanish, delete`() async throws
    {
        let fleet = try Fleet()
        try fleet.declare(replicas: 1)
        try await fleet.operate(stopOnExit: true) { _ in
            try await fleet.waitUntilReady()
            _ = try await fleet.etcdctl("put", "a", "1")

            try fleet.declare(replicas: 0)
            try await fleet.waitFor("it hibernates") { $0.phase == "Hibernated" }
            let changed = Fleet.quick + "\n  settings: { snapshotCount: 500 }"
            try fleet.declare(changed, replicas: 1)
            try await fleet.waitFor("another member has the changed setting") { status in
                status.isReady && status.members.map(\.name) == ["alpha-1"]
            }
            #expect(try await fleet.etcdctl("get", "a", "--print-value-only") == "1\n")
            try fleet.declare(Fleet.quick, replicas: 2)
            try await fleet.waitFor("there are two") { $0.isReady && $0.endpoints.count == 2 }
            #expect(try await fleet.etcdctl("get", "a", "--print-value-only") == "1\n")
            try fleet.declare(Fleet.quick, replicas: 1)
            try await fleet.waitFor("there is one again") {
                $0.isReady && $0.members.count == 1 && $0.phase == "Running"
            }
            try fleet.break(with: "spec: { replicsa: 1 }")
            try await fleet.waitFor("the mistake is told") {
                $0.condition(.ready)?.reason == "SpecRejected"
            }
            try fleet.declare("paused: true", replicas: 1)
            try await fleet.waitFor("it is paused") { $0.phase == "Paused" }
            #expect(try await fleet.etcdctl("get", "a", "--print-value-only") == "1\n")

            try fleet.declare(replicas: 1)
            try await fleet.waitFor("it runs again") { $0.phase == "Running" && $0.isReady }
            let refusal = await #expect(throws: OperatorError.self) {
                try await ControlClient(fleet.state).delete(Fleet.name)
            }
            #expect(refusal?.code == .refused)
            try fleet.withdraw()
            try await fleet.waitFor("the spec is missed") {
                $0.condition(.specMissing)?.status == .true
            }
            #expect(try await fleet.etcdctl("get", "a", "--print-value-only") == "1\n")
            try await ControlClient(fleet.state).delete(Fleet.name)
            #expect(try fleet.state.clusters().isEmpty)
            #expect(fileNames(in: fleet.statePath + "/trash").count == 1)

            // The name is free again, for another cluster.
            try fleet.declare(replicas: 1)
            try await fleet.waitUntilReady()
            #expect(try await fleet.etcdctl("get", "a", "--print-value-only") == "")
        }
        #expect(try fleet.running().isEmpty)
        try await fleet.clean()
    }

    @Test(.timeLimit(.minutes(10)))
    func `rule 37: an occupied port holds up the whole cluster and is waited for`() async throws {
        let fleet = try Fleet()
        let listener = try Listener(port: fleet.basePort + 1)
        try fleet.declare()
        try await fleet.operate { _ in
            try await fleet.waitFor("the port is named") { status in
                status.condition(.degraded)?.message.contains("\(listener.port)") == true
            }
            #expect(try fleet.running().isEmpty)
            #expect(try fleet.cluster.record() == nil)
            listener.stop()
            try await fleet.waitUntilReady()
        }
        try await fleet.clean()
    }

    @Test(.timeLimit(.minutes(10)))
    func `rule 12: foreign data where a member would be started stops it before anything is`()
        async throws
    {
        let fleet = try Fleet()
        try fleet.declare()
        let state = try StateDirectory(creating: fleet.statePath)
        let data = state.cluster(Fleet.name).member("alpha-1").data
        try FileDisk().createDirectory(data + "/member")
        try FileDisk().replace(data + "/member/file", with: [1, 2, 3])
        try await fleet.operate { _ in
            try await fleet.waitFor("it is refused") { $0.phase == "Refused" }
            #expect(try fleet.status()?.condition(.degraded)?.message.contains("alpha-1") == true)
            #expect(try fleet.running().isEmpty)
        }
        #expect(try FileDisk().read(data + "/member/file") == [1, 2, 3])
        try await fleet.clean()
    }

    @Test(.timeLimit(.minutes(10)))
    func `rules 5 and 11: a member that lost its data is never started as new, but replaced`()
        async throws
    {
        let fleet = try Fleet()
        try fleet.declare(Fleet.quick)
        try await fleet.operate { _ in
            try await fleet.waitUntilReady()
            #expect(try await fleet.etcdctl("put", "a", "1") == "OK\n")
            let victim = try fleet.processes()[2]
            try FileDisk().removeAll(try fleet.cluster.member("alpha-2").data)
            kill(victim, SIGKILL)
            try await fleet.waitFor("another has taken its place") {
                $0.isReady && $0.members.map(\.name) == ["alpha-0", "alpha-1", "alpha-3"]
            }
            #expect(try await fleet.etcdctl("put", "b", "2") == "OK\n")
            #expect(fileNames(in: try fleet.cluster.path + "/trash").count == 1)
        }
        // An operator without the record finds out who the members are now.
        try FileDisk().remove(try fleet.cluster.path + "/cluster.json")
        try await fleet.operate { _ in
            try await fleet.waitFor("the record is rebuilt") { status in
                try fleet.cluster.record()?.phase == .bootstrapped && status.isReady
                    && status.members.map(\.name) == ["alpha-0", "alpha-1", "alpha-3"]
            }
            #expect(try await fleet.etcdctl("get", "b", "--print-value-only") == "2\n")
        }
        try await fleet.clean()
    }

    @Test func `a missing program is told, and nothing is written`() async throws {
        let fleet = try Fleet()
        try fleet.declare(binary: "/no/such/etcd")
        try await fleet.operate { _ in
            try await fleet.waitFor("the program is named") { status in
                status.condition(.degraded)?.message.contains("/no/such/etcd") == true
            }
            #expect(try fleet.cluster.record() == nil)
        }
        try await fleet.clean()
    }
}
