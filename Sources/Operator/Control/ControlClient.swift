package import ClusterAPI
import NIOCore
import NIOPosix
import Planning
import Storage

/// Gives commands to the operator of a state directory. With none running it takes the lock and
/// does itself what can be done without one.
package struct ControlClient: Sendable {
    private let directory: StateDirectory

    package init(_ directory: StateDirectory) {
        self.directory = directory
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
        if let reply = try await send(request) { return try reply.check() }
        let lock = try directory.lock()
        defer { lock.release() }
        try await performAlone(command, name)
    }

    /// Nil when nobody listens.
    private func send(_ request: ControlRequest) async throws(OperatorError) -> ControlReply? {
        let path = ControlSocket.path(for: directory.root)
        let group = MultiThreadedEventLoopGroup.singleton
        let connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>
        do {
            connection = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path)
            {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
        } catch {
            return nil
        }
        do {
            let line = JSON.encode(request, pretty: false) + [UInt8(ascii: "\n")]
            let answer = try await connection.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(bytes: line))
                var received: [UInt8] = []
                for try await buffer in inbound {
                    received += buffer.readableBytesView
                    if received.last == UInt8(ascii: "\n") { break }
                }
                return received
            }
            return try JSON.decode(ControlReply.self, from: answer)
        } catch {
            throw OperatorError(
                .control,
                "the operator did not answer (\(error))",
                at: path,
                remedy: "see whether it ended, and try again"
            )
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
        try cluster.append(
            JournalEntry(
                time: wallNow(),
                step: "\(Step.latch(record.desired))",
                reason: "`\(command.rawValue)` was asked for while no operator ran",
                result: "done"
            )
        )
        guard command == .down else { return }
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
        if var status = try cluster.status() {
            status.markStopped(at: wallNow())
            try cluster.save(status)
        }
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
