import ClusterAPI
import Glibc
import Logging
import Operator
import Planning
import Storage
import Synchronization
import TestKit

/// An operator at work in this process, on a folder of specs and a state directory of its own,
/// with the real etcd as engine.
final class Fleet: Sendable {
    let folder: TemporaryDirectory
    let statePath: String
    let specs: String
    let basePort: Int

    /// Blocks of their own for each fleet and for each test process, so that two runs do not meet.
    private static let ports = Mutex(10_000 + Int(getpid() % 450) * 20)

    static let etcd = installed("etcd")
    static let name = ClusterName(name: "alpha")
    /// Healing without the patience that machines in earnest need.
    static let quick = "healing: { unhealthyAfter: 1s }"

    static var logger: Logger {
        var logger = Logger(label: "operator")
        logger.logLevel = .critical
        return logger
    }

    init() throws {
        folder = try TemporaryDirectory("fleet")
        statePath = folder.path + "/state"
        specs = folder.path + "/specs"
        basePort = Fleet.ports.withLock { port in
            port = port >= 19_000 ? 10_000 : port + 20
            return port
        }
        try FileDisk().createDirectory(specs)
    }

    var state: StateDirectory {
        get throws { try StateDirectory(existing: statePath) }
    }

    var cluster: ClusterDirectory {
        get throws { try state.cluster(Fleet.name) }
    }

    func `break`(with text: String) throws {
        try FileDisk().replace(specs + "/alpha.yaml", with: Array(text.utf8))
    }

    func declare(
        _ fields: String = "",
        replicas: Int = 3,
        binary: String = Fleet.etcd ?? "/usr/bin/etcd"
    ) throws {
        let text = """
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: { name: alpha }
            spec:
              replicas: \(replicas)
              engine: { type: etcd, etcd: { binary: \(binary) } }
              network: { basePort: \(basePort) }
              \(fields)
            """
        try FileDisk().replace(specs + "/alpha.yaml", with: Array(text.utf8))
    }

    func withdraw() throws {
        try FileDisk().remove(specs + "/alpha.yaml")
    }

    /// Runs an operator while the body does.
    func operate(
        stopOnExit: Bool = false,
        _ body: (LocalOperator) async throws -> Void
    ) async throws {
        let configuration = OperatorConfiguration(
            stateDirectory: statePath,
            specPaths: [specs],
            stopOnExit: stopOnExit
        )
        let running = try LocalOperator(configuration, logger: Fleet.logger)
        let task = Task { try await running.run() }
        do {
            try await body(running)
        } catch {
            task.cancel()
            try await task.value
            try await clean()
            throw error
        }
        task.cancel()
        try await task.value
    }

    func status() throws -> ClusterStatus? {
        try cluster.status()
    }

    func waitFor(
        _ what: String,
        within limit: Duration = .seconds(120),
        _ condition: (ClusterStatus) throws -> Bool
    ) async throws {
        do {
            try await eventually(what, within: limit) {
                guard let status = try self.status() else { return false }
                return try condition(status)
            }
        } catch {
            print("last status: \(String(describing: try? status()))")
            throw error
        }
    }

    func waitUntilReady() async throws {
        try await waitFor("the cluster is ready") { $0.isReady }
    }

    /// The process ids by member.
    func processes() throws -> [Int32] {
        try status()?.members.compactMap(\.processID) ?? []
    }

    func etcdctl(_ arguments: String...) async throws -> String {
        let endpoints = try status()?.endpoints.joined(separator: ",") ?? ""
        let outcome = try await Program.run(
            "/usr/bin/etcdctl",
            ["--endpoints=\(endpoints)"] + arguments,
            environment: ["ETCDCTL_API": "3"]
        )
        return outcome.status == 0 ? outcome.output : "failed: \(outcome.errors)"
    }

    /// The data directories that some process uses.
    func running() throws -> [String] {
        let runtime = LocalRuntime(root: try state.root, events: try FileEvents())
        try runtime.adopt(ifOlderThan: .zero)
        return runtime.users(below: try state.root)
    }

    /// Ends whatever still runs and removes everything.
    func clean() async throws {
        if let state = try? state {
            let runtime = LocalRuntime(root: state.root, events: try FileEvents())
            try runtime.adopt(ifOlderThan: .zero)
            for name in try state.clusters() {
                let cluster = state.cluster(name)
                let users = runtime.users(below: cluster.path)
                try await runtime.stopAll(users, patience: .seconds(5))
            }
        }
        folder.remove()
    }
}

extension ClusterStatus {
    var isReady: Bool { condition(.ready)?.status == .true }
}
