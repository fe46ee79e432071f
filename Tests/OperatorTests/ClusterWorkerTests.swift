import ClusterAPI
import Logging
import NIOCore
import NIOPosix
import Operator
import Planning
import Storage
import Synchronization
import Testing

/// A worker whose passes the test makes, on a disk and with members in memory.
final class Workshop: Sendable {
    let disk: MemoryDisk
    let members: FakeMembers
    let worker: ClusterWorker
    let cluster: ClusterDirectory

    /// - Parameter disk: What an earlier operator has left.
    init(disk: MemoryDisk = MemoryDisk()) throws {
        self.disk = disk
        members = FakeMembers(disk: disk, withLog: [])
        cluster = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
        let (_, progress) = AsyncStream.makeStream(of: Progress.self)
        let shared = Shared()
        let members = members
        let directory = cluster
        worker = ClusterWorker(
            directory: directory,
            observer: ClusterObserver(
                directory: directory,
                runtime: members,
                members: SilentMembers(),
                fleet: Operator.Fleet()
            ),
            executor: Executor(
                on: directory,
                runtime: members
            ),
            catalog: { shared.catalog.withLock { $0 } },
            progress: progress,
            logger: Fleet.logger
        )
        self.shared = shared
    }

    final class Shared: Sendable {
        let catalog = Mutex(SpecCatalog())
    }

    private let shared: Shared

    /// What the one file says from now on; nil: it has been removed.
    func declare(_ spec: String?) {
        let text = """
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: { name: orders }
            spec: { \(spec ?? "") }
            """
        shared.catalog.withLock { catalog in
            for _ in 0..<2 {
                catalog.look(
                    spec == nil
                        ? [:] : ["/specs/a.yaml": .content(Array(text.utf8), age: .seconds(9))],
                    in: ["/specs": FileIdentity(device: 1, inode: 1)],
                    unreadable: [:],
                    at: .seconds(100)
                )
            }
        }
    }

    /// Passes until the members run.
    func bringUp(_ spec: String = "replicas: 3") async throws {
        declare(spec)
        for _ in 0..<3 { _ = await worker.pass() }
        #expect(members.running.count == 3)
    }

    /// Gives orders that one pass finds together; returns how each was answered.
    func order(_ commands: ClusterCommand..., passes: Int = 1) async throws -> [OperatorError?] {
        try await withThrowingTaskGroup(of: (Int, OperatorError?).self) { group in
            for (index, command) in commands.enumerated() {
                group.addTask { [worker] in
                    do throws(OperatorError) {
                        try await worker.perform(command)
                        return (index, nil)
                    } catch {
                        return (index, error)
                    }
                }
                while await worker.waiting <= index { await Task.yield() }
            }
            for _ in 0..<passes { _ = await worker.pass() }
            var answers = [OperatorError?](repeating: nil, count: commands.count)
            for try await (index, answer) in group { answers[index] = answer }
            return answers
        }
    }
}

@Suite struct ClusterWorkerTests {
    @Test(.timeLimit(.minutes(1)))
    func `an order that is refused takes nothing from one that is given with it`() async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        let answers = try await shop.order(.down, .delete, passes: 3)
        #expect(answers[0] == nil)
        #expect(answers[1]?.code == .refused)
        #expect(try shop.cluster.record()?.desired == .down)
        // Nor does a later change of the record.
        shop.declare("replicas: 3, healing: { unhealthyAfter: 2m }")
        _ = await shop.worker.pass()
        #expect(try shop.cluster.record()?.desired == .down)
        #expect(shop.members.running.isEmpty)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a spec that cannot be written down is not acted upon`() async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        shop.disk.setCapacity(0)
        shop.declare("replicas: 0")
        for _ in 0..<2 { _ = await shop.worker.pass() }
        #expect(shop.members.running.count == 3)
        shop.disk.setCapacity(.max)
        for _ in 0..<3 { _ = await shop.worker.pass() }
        #expect(shop.members.running.isEmpty)
        #expect(try shop.cluster.record()?.accepted.metadata.generation == 2)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a refused order leaves the generation that is observed as it was`() async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        _ = try await shop.order(.delete)
        #expect(try shop.cluster.status()?.observedGeneration == 1)
    }

    @Test(.timeLimit(.minutes(1)), arguments: [ClusterCommand.up, .down])
    func `a deletion is not taken back`(command: ClusterCommand) async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        shop.declare(nil)
        let answers = try await shop.order(.delete, command, passes: 4)
        #expect(answers[0] == nil)
        #expect(answers[1]?.code == .refused)
        #expect(try shop.cluster.record() == nil)
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["cluster.json.previous", "status.json"])
    func `rule 11: a lost record with its members' disk is no new cluster`(left: String)
        async throws
    {
        let shop = try Workshop()
        try await shop.bringUp()
        let path = shop.cluster.path
        for name in fileNames(on: shop.disk, in: path) where name != left {
            try shop.disk.removeAll("\(path)/\(name)")
        }
        let next = try Workshop(disk: shop.disk)
        next.declare("replicas: 3")
        for _ in 0..<3 { _ = await next.worker.pass() }
        #expect(next.members.commands.isEmpty)
        #expect(try next.cluster.record() == nil)
        #expect(try next.cluster.status()?.condition(.degraded)?.reason == "BootstrapRefused")
    }

    private func fileNames(on disk: MemoryDisk, in path: String) -> [String] {
        (try? disk.list(path)) ?? []
    }

    @Test(.timeLimit(.minutes(1)), arguments: [ClusterCommand.down, .up])
    func `rule 14: down outlives the record`(last: ClusterCommand) async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        _ = try await shop.order(.down, passes: 3)
        if last == .up {
            _ = try await shop.order(.up, passes: 2)
            for data in shop.members.running { shop.members.end(data, .signal(9)) }
        }
        try shop.disk.remove(shop.cluster.path + "/cluster.json")
        let next = try Workshop(disk: shop.disk)
        next.declare("replicas: 3")
        for _ in 0..<3 { _ = await next.worker.pass() }
        #expect(next.members.running.count == (last == .up ? 3 : 0))
        #expect(try next.cluster.record()?.desired == (last == .up ? .up : .down))
    }

    /// `simulate --world operators --seed 14` found that it did not.
    @Test(.timeLimit(.minutes(1)))
    func `rule 14: down outlives the record when somebody else has started a member`() async throws
    {
        let shop = try Workshop()
        try await shop.bringUp()
        _ = try await shop.order(.down, passes: 3)
        try shop.disk.remove(shop.cluster.path + "/cluster.json")
        let next = try Workshop(disk: shop.disk)
        next.members.startForeign(next.cluster.member("orders-1").data)
        next.declare("replicas: 3")
        for _ in 0..<3 { _ = await next.worker.pass() }
        #expect(next.members.running.isEmpty)
        #expect(try next.cluster.record()?.desired == .down)
    }

    /// `simulate --world operators --seed 25` found that it was, and the record was lost then.
    @Test(.timeLimit(.minutes(1)))
    func `rule 14: down is not done before the members' copies of the record know it`() async throws
    {
        let shop = try Workshop()
        try await shop.bringUp()
        let sentinel = shop.cluster.path + "/members/.sentinel"
        let uid = try shop.disk.read(sentinel)
        try shop.disk.remove(sentinel)
        let early = try await shop.order(.down, passes: 3)
        #expect(early[0]?.code == .refused && early[0]?.what.contains("sentinel") == true)
        #expect(shop.members.running.isEmpty)
        // An operator that starts then tells them when it can.
        let second = try Workshop(disk: shop.disk)
        second.declare("replicas: 3")
        let again = try await second.order(.down, passes: 3)
        #expect(again[0]?.code == .refused && again[0]?.what.contains("sentinel") == true)
        try shop.disk.replace(sentinel, with: uid)
        let late = try await second.order(.down, passes: 1)
        #expect(late[0] == nil)
        try shop.disk.remove(shop.cluster.path + "/cluster.json")
        let next = try Workshop(disk: shop.disk)
        next.declare("replicas: 3")
        for _ in 0..<3 { _ = await next.worker.pass() }
        #expect(next.members.running.isEmpty)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a lost record is found in the others' copies when one member is gone`() async throws {
        for left in ["/log", "/data/member"] {
            let shop = try Workshop()
            try await shop.bringUp()
            for data in shop.members.running { shop.members.end(data, .signal(9)) }
            let gone = shop.cluster.member("orders-1").path
            try shop.disk.removeAll(gone)
            try shop.disk.createDirectory(gone + left)
            try shop.disk.remove(shop.cluster.path + "/cluster.json")
            let next = try Workshop(disk: shop.disk)
            next.declare("replicas: 3")
            _ = await next.worker.pass()
            // Data that nobody knows the owner of may be anybody's.
            #expect(try shop.cluster.record()?.members.count == (left == "/log" ? 3 : nil))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a full disk keeps no member from being started again`() async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        for data in shop.members.running { shop.members.end(data, .signal(9)) }
        shop.disk.setCapacity(0)
        _ = await shop.worker.pass()
        #expect(shop.members.running.count == 3)
    }

    @Test(.timeLimit(.minutes(1)))
    func `an order that cannot be done is answered with the reason`() async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        let data = shop.cluster.member("orders-0").data
        for data in shop.members.running { shop.members.end(data, .signal(9)) }
        try shop.disk.replace(data + "/member/lock", with: [])
        let lock = try shop.disk.lock(data + "/member/lock")
        let answers = try await shop.order(.down, passes: 4)
        #expect(answers[0]?.code == .refused && answers[0]?.what.contains("lock") == true)
        #expect(try shop.cluster.record()?.desired == .down)
        lock.release()
        _ = await shop.worker.pass()
        #expect(try shop.cluster.status()?.phase == "Stopped")
    }

    @Test(.timeLimit(.minutes(1)))
    func `what failed before the first start is planned again as the spec is then`() async throws {
        let shop = try Workshop()
        shop.declare("replicas: 3")
        _ = await shop.worker.pass()
        #expect(try shop.cluster.record()?.phase == .planned)
        shop.declare("replicas: 1, network: { basePort: 4000 }")
        for _ in 0..<3 { _ = await shop.worker.pass() }
        let record = try #require(try shop.cluster.record())
        #expect(record.members.count == 1 && record.slots[0].clientPort == 4000)
        #expect(shop.members.running.count == 1)
    }

    @Test(.timeLimit(.minutes(1)))
    func `data found corrupt stays out of use until somebody says otherwise`() async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        shop.members.end(shop.cluster.member("orders-0").data, .code(65))
        _ = await shop.worker.pass()
        for data in shop.members.running { shop.members.end(data, .signal(9)) }
        let next = try Workshop(disk: shop.disk)
        next.declare("replicas: 3")
        for _ in 0..<2 { _ = await next.worker.pass() }
        #expect(next.members.running.count == 2)
        let condition = try next.cluster.status()?.condition(.degraded)
        #expect(condition?.reason == "DataDamaged")
        let mark = next.cluster.member("orders-0").path + "/damaged"
        #expect(condition?.message.contains("remove \(mark)") == true)
        try next.disk.remove(mark)
        _ = await next.worker.pass()
        #expect(next.members.running.count == 3)
    }

    @Test(.timeLimit(.minutes(1)))
    func `rule 11: data that was lost during the first start is not seeded again`() async throws {
        let shop = try Workshop()
        try await shop.bringUp()
        let data = shop.cluster.member("orders-0").data
        #expect(try shop.cluster.record()?.phase == .started)
        try shop.disk.removeAll(data)
        shop.members.end(data, .code(1))
        let starts = shop.members.commands.count
        for _ in 0..<3 { _ = await shop.worker.pass() }
        #expect(shop.members.commands.count == starts)
        #expect(try shop.cluster.status()?.condition(.degraded)?.reason == "BootstrapRefused")
    }
}
