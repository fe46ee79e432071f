package import ClusterAPI
import Glibc
import NIOCore
import NIOPosix
import Planning
import Storage

/// Gives commands to the operator of a state directory. With none running it takes the lock and
/// does itself what can be done without one.
package struct ControlClient: Sendable {
    private let directory: StateDirectory
    private let limit: Duration
    private let waiting: @Sendable (String) -> Void

    /// - Parameters:
    ///   - limit: After how long to wait no more; the operator goes on with the command.
    ///   - waiting: Told what the operator waits for, when that takes longer than two seconds.
    package init(
        _ directory: StateDirectory,
        limit: Duration = .seconds(120),
        waiting: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.directory = directory
        self.limit = limit
        self.waiting = waiting
    }

    /// Stops the members; returns when the last process has ended.
    package func down(_ name: ClusterName) async throws(OperatorError) {
        try await perform(.down, name)
    }

    /// Lets the members run again.
    package func up(_ name: ClusterName) async throws(OperatorError) {
        try await perform(.up, name)
    }

    /// Stops the members and moves everything to the trash.
    package func delete(_ name: ClusterName) async throws(OperatorError) {
        try await perform(.delete, name)
    }

    private func perform(_ command: ClusterCommand, _ name: ClusterName) async throws(OperatorError)
    {
        let request = ControlRequest(command: command, namespace: name.namespace, name: name.name)
        var attempts = 0
        while true {
            if let reply = try await send(request, name) { return try reply.check() }
            let lock: StateLock
            do throws(OperatorError) {
                lock = try directory.lock()
            } catch {
                // An operator that begins or ends holds the lock and does not listen.
                attempts += 1
                guard error.code == .locked, attempts < 25, !Task.isCancelled else { throw error }
                // Cancellation only ends the wait early.
                try? await Task.sleep(for: .milliseconds(200))
                continue
            }
            defer { lock.release() }
            return try await performAlone(command, name)
        }
    }

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Nil when nobody listens.
    private func send(
        _ request: ControlRequest,
        _ name: ClusterName
    ) async throws(OperatorError) -> ControlReply? {
        let path = directory.socket
        let connection: Connection
        do {
            connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Connection(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError where [ENOENT, ECONNREFUSED].contains(error.errnoCode) {
            return nil
        } catch {
            throw OperatorError(.control, "the operator cannot be reached: \(error)", at: path)
        }
        do {
            return try await withThrowingTaskGroup(of: ControlReply?.self) { tasks in
                tasks.addTask { try await converse(request, connection) }
                tasks.addTask { try await tellProgress(of: name) }
                defer { tasks.cancelAll() }
                return try await tasks.next() ?? nil
            }
        } catch let error as OperatorError {
            throw error
        } catch {
            throw OperatorError(
                .control,
                "the operator did not answer (\(error))",
                at: path,
                remedy: "see whether it ended, and try again"
            )
        }
    }

    private func converse(
        _ request: ControlRequest,
        _ connection: Connection
    ) async throws -> ControlReply {
        let line = JSON.encode(request, pretty: false) + [UInt8(ascii: "\n")]
        let answer = try await connection.executeThenClose { inbound, outbound in
            // Whoever answers "done" must be one who may have done it.
            let user = try await peerUser(of: connection.channel)
            let owner = owner(of: directory.root + "/clusters")
            guard user == 0 || user == effectiveUser() || (user != nil && user == owner) else {
                throw OperatorError(.control, "another user answers here", at: directory.socket)
            }
            try await outbound.write(ByteBuffer(bytes: line))
            var received: [UInt8] = []
            for try await buffer in inbound {
                received += buffer.readableBytesView
                if received.last == UInt8(ascii: "\n") { break }
            }
            return received
        }
        return try JSON.decode(ControlReply.self, from: answer)
    }

    /// Ends only by an error: that it has taken too long.
    private func tellProgress(of name: ClusterName) async throws -> ControlReply? {
        let start = ContinuousClock.now
        var told = ""
        while true {
            try await Task.sleep(for: .milliseconds(500))
            // What cannot be read now may be later.
            let plan = (try? directory.cluster(name).status())?.plan
            let doing = plan.map { $0.waitingFor ?? $0.next ?? $0.reason } ?? "the operator"
            guard ContinuousClock.now - start < limit else {
                throw OperatorError(
                    .control,
                    "it is not done after \(limit.components.seconds) s of waiting for: \(doing)",
                    remedy: "the operator goes on with it: see "
                        + "`etcd-operator describe etcdcluster \(name.argument)`"
                )
            }
            if ContinuousClock.now - start > .seconds(2), doing != told {
                waiting(doing)
                told = doing
            }
        }
    }

    /// What `down` and `up` are without an operator. The caller holds the lock.
    private func performAlone(
        _ command: ClusterCommand,
        _ name: ClusterName
    ) async throws(OperatorError) {
        let cluster = directory.cluster(name)
        guard var record = try cluster.record() else {
            throw OperatorError(.notFound, "there is no cluster \(name)", at: directory.root)
        }
        guard command != .delete else {
            throw OperatorError(
                .notRunning,
                "no operator runs, and only one that reads the specs can tell whether \(name) is "
                    + "still declared",
                at: directory.root,
                remedy: "start it with `etcd-operator run`, then delete"
            )
        }
        try record.order(command)
        try cluster.save(record)
        let problems = cluster.renewCopies(record)
        try cluster.append(
            JournalEntry(
                time: wallNow(),
                step: "\(Step.latch(record.desired))",
                reason: "`\(command.rawValue)` was asked for while no operator ran",
                result: "done"
            )
        )
        guard command == .down else {
            if let problem = problems.first { throw problem }
            return
        }
        let runtime = LocalRuntime(root: directory.root, events: try FileEvents())
        try runtime.adopt(ifOlderThan: .zero)
        let data = record.members.map { cluster.member($0.name).data }
        for (member, directory) in zip(record.members, data) {
            if case .foreign(let why) = runtime.process(using: directory) {
                throw OperatorError(.foreign, why, at: member.name, remedy: "stop that process")
            }
        }
        try await runtime.stopAll(data, patience: .seconds(10))
        for member in record.members { try cluster.member(member.name).claim().release() }
        if var status = try? cluster.status() {
            status.markStopped(at: wallNow())
            try cluster.save(status)
        }
        // It is down, but would not stay so if the record were lost.
        if let problem = problems.first { throw problem }
    }
}

extension ClusterStatus {
    /// What is true after every process has ended, for `get` while no operator looks.
    fileprivate mutating func markStopped(at now: Timestamp) {
        phase = Plan.Phase.stopped.rawValue
        updated = now
        readyReplicas = 0
        leader = nil
        for index in members.indices {
            if members[index].health != .stopped { members[index].since = now }
            members[index].health = .stopped
            members[index].role = .unknown
            members[index].processID = nil
        }
        let message = "`down` was asked for"
        for kind in [Condition.Kind.ready, .available, .quorumHealthy] {
            set(kind, .false, reason: phase, message: message, at: now)
        }
        plan = PlanStatus(reason: message)
    }
}
