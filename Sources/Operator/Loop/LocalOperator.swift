import ClusterAPI
import EtcdClient
package import Logging
import NIOCore
import NIOPosix
import Planning
import ServiceLifecycle
import Storage
import Synchronization

/// The operator on one machine: keeps what the spec files declare running, until it is told to
/// end. Its end leaves the members serving, unless `stopOnExit` is set.
package final class LocalOperator: Service {
    /// What happens, for a terminal; elements are dropped, oldest first, when nobody reads them.
    package let progress: AsyncStream<Progress>
    package let directory: StateDirectory

    private let configuration: OperatorConfiguration
    private let lock: StateLock
    private let logger: Logger
    private let report: AsyncStream<Progress>.Continuation
    private let events: FileEvents
    private let runtime: LocalRuntime
    private let programs: MemberProgram
    private let ports: Ports
    private let specs: SpecWatcher
    private let adopted: Int
    private let fleet = Fleet()
    private let ballast: Ballast
    private let workers = Mutex<[ClusterName: ClusterWorker]>([:])

    /// Takes the state directory and looks around; nothing is changed before `run`.
    package init(_ configuration: OperatorConfiguration, logger: Logger) throws(OperatorError) {
        self.configuration = configuration
        self.logger = logger
        try LocalOperator.check(configuration)
        let place = configuration.stateDirectory
        Ballast(path: absolutePath(place) + "/ballast", on: FileDisk()).giveBackIfFull()
        directory = try StateDirectory(
            creating: place,
            withParents: place == OperatorConfiguration.defaultStateDirectory
        )
        lock = try directory.lock()
        ballast = Ballast(path: directory.root + "/ballast", on: directory.disk)
        (progress, report) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
        events = try FileEvents()
        runtime = LocalRuntime(root: directory.root, events: events)
        adopted = try runtime.adopt(ifOlderThan: .zero)
        programs = MemberProgram(
            folder: directory.root + "/bin",
            embedded: configuration.memberBinary,
            on: directory.disk
        )
        let (catalog, records) = try directory.remembered(at: monotonicNow())
        ports = Ports(records: records)
        specs = try SpecWatcher(
            paths: configuration.specPaths,
            catalog: catalog,
            events: events,
            disk: directory.disk
        )
    }

    /// At a first start a path that is not there is mistyped. Later it may be that of a spec that
    /// was removed: known clusters go on without it (safety rule 10).
    private static func check(_ configuration: OperatorConfiguration) throws(OperatorError) {
        // What cannot be opened holds no cluster that could go on.
        let known = try? StateDirectory(existing: configuration.stateDirectory).clusters()
        guard known?.isEmpty ?? true else { return }
        guard !configuration.specPaths.isEmpty else {
            throw OperatorError(
                .usage,
                "no spec was given, and no cluster is known",
                at: configuration.stateDirectory,
                remedy: "name a file or a directory with specs"
            )
        }
        for path in configuration.specPaths where realPath(path) == nil {
            throw OperatorError(.notFound, "there is no such file or directory", at: path)
        }
    }

    /// Works until graceful shutdown or cancellation.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        report.yield(
            .started(
                stateDirectory: directory.root,
                isNew: directory.isNew,
                adopted: adopted
            )
        )
        let socket = ControlSocket.path(for: directory.root)
        try lock.publish(socket: socket)
        let control = ControlServer(
            path: socket,
            group: group,
            perform: { [self] name, command throws(OperatorError) in
                try await perform(command, on: name)
            },
            logger: logger
        )
        var failure: (any Error)?
        do {
            try await cancelWhenGracefulShutdown { [self] in
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { await self.specs.run() }
                    tasks.addTask { await self.routeExits() }
                    tasks.addTask { try await control.run() }
                    tasks.addTask { await self.supervise(group) }
                    try await tasks.waitForAll()
                }
            }
        } catch is CancellationError {
            logger.debug("cancelled")
        } catch {
            failure = error
        }
        await leave()
        try await group.shutdownGracefully()
        lock.release()
        report.finish()
        if let failure { throw failure }
    }

    /// Ends the members when that was asked for, and says how many go on.
    private func leave() async {
        let data = runtime.users(below: directory.root + "/clusters")
        guard configuration.stopOnExit else {
            report.yield(.leaving(running: data.count, stopped: 0))
            return
        }
        do {
            // This task may be cancelled by now; what it has to wait for must not be.
            let runtime = runtime
            try await Task { try await runtime.stopAll(data, patience: .seconds(10)) }.value
        } catch {
            logger.error("members could not be stopped", metadata: ["error": "\(error)"])
        }
        let left = runtime.users(below: directory.root + "/clusters").count
        report.yield(.leaving(running: left, stopped: data.count - left))
    }

    /// The end of a process wakes the worker of its cluster.
    private func routeExits() async {
        for await data in runtime.exits {
            let all = workers.withLock { $0 }
            for worker in all.values where data.hasPrefix(directory.cluster(worker.name).path + "/")
            {
                worker.bell.ring()
            }
        }
    }

    /// Has a worker for each cluster that is declared or ever was.
    private func supervise(_ group: MultiThreadedEventLoopGroup) async {
        // Two looks accept every file that has not just changed, so that a cluster is not first
        // taken for one whose spec is gone.
        for _ in 0..<2 { _ = specs.look() }
        await withDiscardingTaskGroup { tasks in
            var told: Set<String> = []
            tellProblems(&told)
            startWorkers(group, &tasks)
            for await _ in specs.changes {
                tellProblems(&told)
                startWorkers(group, &tasks)
            }
        }
    }

    private func tellProblems(_ told: inout Set<String>) {
        let problems = specs.current.problems
        for problem in problems where !told.contains(problem) {
            report.yield(.specProblem(problem))
            logger.warning("a spec is not accepted", metadata: ["problem": "\(problem)"])
        }
        told = Set(problems)
    }

    private func startWorkers(
        _ group: MultiThreadedEventLoopGroup,
        _ tasks: inout DiscardingTaskGroup
    ) {
        for declared in specs.current.clusters {
            let name = declared.cluster.name
            if let worker = workers.withLock({ $0[name] }) {
                worker.bell.ring()
                continue
            }
            let worker = makeWorker(name, group)
            workers.withLock { $0[name] = worker }
            tasks.addTask { [self] in
                await worker.run()
                workers.withLock { _ = $0.removeValue(forKey: name) }
                // Cancelled: the operator ends. Else the cluster was discarded.
                if !Task.isCancelled { specs.forget(name) }
            }
        }
    }

    private func makeWorker(_ name: ClusterName, _ group: MultiThreadedEventLoopGroup)
        -> ClusterWorker
    {
        let cluster = directory.cluster(name)
        let members = EtcdMembers(group: group)
        let executor = Executor(
            directory: cluster,
            trash: directory.root + "/trash",
            runtime: runtime,
            members: members,
            programs: programs,
            tools: MemberTools(
                events: events,
                programs: programs,
                members: members,
                disk: directory.disk
            ),
            ports: ports,
            logger: logger
        )
        return ClusterWorker(
            directory: cluster,
            observer: ClusterObserver(
                directory: cluster,
                runtime: runtime,
                members: members,
                fleet: fleet,
                ballast: ballast
            ),
            executor: executor,
            catalog: { [specs] in specs.current },
            progress: report,
            logger: logger
        )
    }

    private func perform(_ command: ClusterCommand, on name: ClusterName)
        async throws(OperatorError)
    {
        guard let worker = workers.withLock({ $0[name] }) else {
            throw OperatorError(.notFound, "there is no cluster \(name)")
        }
        try await worker.perform(command)
    }
}
