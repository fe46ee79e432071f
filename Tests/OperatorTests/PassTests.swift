import ClusterAPI
import Logging
import Operator
import Planning
import Storage
import Synchronization
import Testing

/// A worker's passes over a cluster that answers: from what it sees to what it does and tells.
@Suite struct PassTests {
    /// A worker with a disk, processes, members and clocks that the test holds.
    private final class Stage: Sendable {
        let disk: MemoryDisk
        let processes: FakeMembers
        let members: ScriptedMembers
        let cluster: ClusterDirectory
        let worker: ClusterWorker

        /// - Parameter earlier: One on the same machine that has ended.
        init(after earlier: Stage? = nil) throws {
            disk = earlier?.disk ?? MemoryDisk()
            processes = earlier?.processes ?? FakeMembers(disk: disk, withLog: [])
            members = ScriptedMembers(MemberList(clusterID: "", entries: []))
            let directory = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
            cluster = directory
            let (_, progress) = AsyncStream.makeStream(of: Progress.self)
            let shared = Shared()
            let clocks = Clocks(
                monotonicNow: { .seconds(shared.seconds.withLock { $0 }) },
                wallNow: { Timestamp(seconds: shared.seconds.withLock { $0 }) }
            )
            self.shared = shared
            worker = ClusterWorker(
                directory: directory,
                observer: ClusterObserver(
                    directory: directory,
                    runtime: processes,
                    members: members,
                    fleet: Operator.Fleet(),
                    ballast: Ballast(path: "/state/ballast", on: disk),
                    clocks: clocks
                ),
                executor: Executor(
                    on: directory,
                    runtime: processes,
                    members: members,
                    clocks: clocks
                ),
                catalog: { shared.catalog.withLock { $0 } },
                progress: progress,
                clocks: clocks,
                aside: { body in shared.aside.withLock { $0.append(body) } },
                logger: Fleet.logger
            )
            members.change { state in
                state.look = { url, list in Stage.look(at: url, list, try? directory.record()) }
            }
        }

        private final class Shared: Sendable {
            let catalog = Mutex(SpecCatalog())
            let seconds = Mutex<Int64>(1000)
            /// What the worker has done beside its passes.
            let aside = Mutex<[@Sendable () async -> Void]>([])
        }

        private let shared: Shared

        /// Everybody serves, and the first leads.
        private static func look(
            at url: String,
            _ list: MemberList,
            _ record: ClusterRecord?
        ) -> MemberLook {
            guard let record,
                let member = record.members.first(where: {
                    $0.slot.clientURL == url
                })
            else { return MemberLook(probe: Probe(.unreachable)) }
            var probe = Probe(.serving)
            probe.clusterID = record.clusterID
            probe.memberID = member.id
            probe.leaderID = record.members[0].id
            probe.revision = 5
            probe.appliedIndex = 7
            probe.isLearner = !member.isVoter
            var known = list
            if list.entries.isEmpty { known = Stage.list(of: record) }
            return MemberLook(probe: probe, list: member.isVoter ? known : nil)
        }

        private static func list(of record: ClusterRecord) -> MemberList {
            MemberList(
                clusterID: record.clusterID,
                entries: record.members.map { member in
                    .init(
                        id: member.id ?? "",
                        name: member.name,
                        isLearner: !member.isVoter,
                        peerURLs: [member.slot.peerURL]
                    )
                }
            )
        }

        func declare(_ spec: String) {
            let text = """
                apiVersion: etcd-operator.dev/v1alpha1
                kind: EtcdCluster
                metadata: { name: orders }
                spec: { \(spec) }
                """
            shared.catalog.withLock { catalog in
                for _ in 0..<2 {
                    catalog.look(
                        ["/specs/a.yaml": .content(Array(text.utf8), age: .seconds(9))],
                        in: ["/specs": FileIdentity(device: 1, inode: 1)],
                        unreadable: [:],
                        at: .seconds(100)
                    )
                }
            }
        }

        /// - Parameter finishing: What takes long is over by the next pass.
        func pass(_ count: Int = 1, finishing: Bool = true) async {
            for _ in 0..<count {
                shared.seconds.withLock { $0 += 1 }
                _ = await worker.pass()
                if finishing { await finish() }
            }
        }

        func finish() async {
            for body in shared.aside.withLock({ $0 }) { await body() }
            shared.aside.withLock { $0 = [] }
        }

        func wait(_ time: Int64) { shared.seconds.withLock { $0 += time } }

        /// Three members that serve and are known for it.
        func bringUp() async throws {
            declare("replicas: 3")
            await pass(4)
            #expect(try cluster.status()?.phase == "Running")
            let record = try #require(try cluster.record())
            members.change { $0.list = Stage.list(of: record) }
        }

        func reason(_ kind: Condition.Kind) throws -> String? {
            try cluster.status()?.condition(kind)?.reason
        }

        /// Reasons of events that are no warnings, and of those that are.
        func events() throws -> (normal: [String], warnings: [String]) {
            let all = try cluster.events()
            return (
                all.filter { $0.type == .normal }.map(\.reason),
                all.filter { $0.type == .warning }.map(\.reason)
            )
        }

        func say(_ line: String, times: Int, from member: String) throws {
            let folder = "\(cluster.path)/members/\(member)/log"
            try disk.createDirectory(folder)
            let log = try disk.open(folder + "/member.log", .createOrOpen)
            defer { log.close() }
            for _ in 0..<times { try log.write(Array((line + "\n").utf8), at: try log.size()) }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a cluster that grows tells when it begins, how far it is, and when it is done`()
        async throws
    {
        let stage = try Stage()
        try await stage.bringUp()
        stage.declare("replicas: 4")
        await stage.pass()
        #expect(try stage.cluster.status()?.phase == "Scaling")
        #expect(try stage.reason(.progressing) == "Scaling")
        #expect(try stage.reason(.ready) == "Scaling")
        #expect(try stage.reason(.degraded) == "AsExpected")
        await stage.pass(2)
        #expect(stage.members.asked.filter { $0.hasPrefix("add") }.count == 1)
        #expect(stage.processes.running.count == 4)
        await stage.pass(2)
        stage.wait(31)
        await stage.pass(4)
        #expect(stage.members.asked.contains("promote f9"))
        #expect(try stage.cluster.status()?.phase == "Running")
        let (normal, warnings) = try stage.events()
        #expect(warnings.isEmpty)
        let told = normal.filter { ["Scaling", "Scaled"].contains($0) }
        #expect(told == ["Scaling", "Scaling", "Scaled"])
    }

    @Test(.timeLimit(.minutes(1)))
    func `copies that could not be told of a vote are told as soon as their disk is there`()
        async throws
    {
        let stage = try Stage()
        try await stage.bringUp()
        stage.declare("replicas: 4")
        await stage.pass(5)
        let folder = stage.cluster.path + "/members"
        let uid = try stage.disk.read(folder + "/.sentinel")
        try stage.disk.remove(folder + "/.sentinel")
        stage.wait(31)
        await stage.pass(4)
        #expect(try stage.cluster.record()?.members.allSatisfy(\.isVoter) == true)
        func copyKnows() throws -> Bool {
            let copy = String(
                decoding: try stage.disk.read(folder + "/orders-0/record.json"),
                as: UTF8.self
            )
            return !copy.filter { $0 != " " }.contains("\"isVoter\":false")
        }
        #expect(try !copyKnows())
        try stage.disk.replace(folder + "/.sentinel", with: uid)
        await stage.pass()
        #expect(try copyKnows())
    }

    @Test(.timeLimit(.minutes(1)))
    func `the end of a member that leaves is no cause for alarm`() async throws {
        let stage = try Stage()
        try await stage.bringUp()
        stage.declare("replicas: 2")
        await stage.pass(2)
        let id = try #require(try stage.cluster.record()?.members[2].id)
        #expect(stage.members.asked == ["remove \(id)"])
        // It learns of it, and ends before it is told to.
        stage.processes.end(stage.cluster.member("orders-2").path + "/data", .code(68))
        await stage.pass(2)
        #expect(try stage.cluster.record()?.members.count == 2)
        let (normal, warnings) = try stage.events()
        #expect(warnings.isEmpty && normal.contains("StartRefused"))
        #expect(normal.last == "Scaled")
        #expect(try stage.cluster.status()?.phase == "Running")
    }

    @Test(.timeLimit(.minutes(1)))
    func `a record that is put together again takes no endpoint away meanwhile`() async throws {
        let stage = try Stage()
        try await stage.bringUp()
        let endpoints = try #require(try stage.cluster.status()?.endpoints)
        #expect(endpoints.count == 3)
        try stage.disk.remove(stage.cluster.path + "/cluster.json")
        let next = try Stage(after: stage)
        next.declare("replicas: 3")
        await next.pass()
        #expect(try next.cluster.record()?.phase == .bootstrapped)
        #expect(try next.cluster.status()?.endpoints == endpoints)
        await next.pass()
        #expect(try next.cluster.status()?.phase == "Running")
    }

    @Test(.timeLimit(.minutes(1)))
    func `rule 17: a leader that says that its disk is slow loses the office`() async throws {
        let stage = try Stage()
        try await stage.bringUp()
        let line = #"{"level":"warn","msg":"slow fdatasync","took":"1.4s"}"#
        // What was said before the operator came is old.
        try stage.say(line, times: 9, from: "orders-0")
        await stage.pass()
        #expect(stage.members.asked.isEmpty)
        try stage.say(line, times: 3, from: "orders-0")
        await stage.pass()
        #expect(stage.members.asked.map { $0.prefix(4) } == ["move"])
        #expect(try stage.reason(.degraded) == "SlowDisk")
        #expect(try stage.events().warnings == ["SlowDisk"])
        // The cool-down.
        await stage.pass(3)
        #expect(stage.members.asked.count == 1)
        stage.wait(301)
        await stage.pass()
        #expect(try stage.reason(.degraded) == "AsExpected")
    }

    @Test(.timeLimit(.minutes(1)))
    func `what ends while a step takes long is started, orders are obeyed, the rest waits`()
        async throws
    {
        let stage = try Stage()
        try await stage.bringUp()
        stage.declare("replicas: 3, maintenance: { hashCheck: 10s }")
        stage.wait(11)
        await stage.pass(finishing: false)
        let waiting = "the end of: compare the members' data"
        #expect(try stage.cluster.status()?.plan?.waitingFor == waiting)

        let starts = stage.processes.commands.count
        stage.processes.end(stage.cluster.member("orders-1").path + "/data", .signal(9))
        await stage.pass(2, finishing: false)
        #expect(stage.processes.commands.count == starts + 1)
        // More members would be something else.
        stage.declare("replicas: 4, maintenance: { hashCheck: 10s }")
        await stage.pass(3, finishing: false)
        #expect(try stage.cluster.record()?.members.count == 3)
        #expect(try stage.cluster.status()?.plan?.waitingFor == waiting)
        #expect(stage.members.asked.allSatisfy { !$0.hasPrefix("hash") })
        await stage.finish()
        #expect(stage.members.asked.contains { $0.hasPrefix("hash") })
        await stage.pass()
        #expect(try stage.cluster.record()?.members.count == 4)

        let worker = stage.worker
        async let down: Void = worker.perform(.down)
        while await worker.waiting == 0 { await Task.yield() }
        await stage.pass(3, finishing: false)
        try await down
        #expect(stage.processes.running.isEmpty)
    }

    @Test(.timeLimit(.minutes(1)))
    func `rule 9: a disk that fills up is told, holds what needs room, and gets the ballast back`()
        async throws
    {
        let stage = try Stage()
        try await stage.bringUp()
        #expect(try stage.disk.status("/state/ballast")?.size == 16 << 20)
        let used = Int64.max - (try stage.disk.freeSpace("/state"))
        stage.disk.setCapacity(used + (1 << 20))
        stage.declare("replicas: 4")
        await stage.pass(2)
        #expect(try stage.reason(.degraded) == "DiskPressure")
        #expect(stage.members.asked.isEmpty)
        #expect(try stage.cluster.record()?.members.count == 3)
        // The spec was written down: there was room for that.
        #expect(try stage.cluster.record()?.accepted.spec.replicas == 4)
        #expect(try stage.disk.status("/state/ballast") == nil)
        stage.disk.setCapacity(.max)
        await stage.pass()
        #expect(try stage.disk.status("/state/ballast")?.size == 16 << 20)
        #expect(try stage.cluster.record()?.members.count == 4)
    }
}
