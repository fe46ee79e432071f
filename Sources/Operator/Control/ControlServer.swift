import CLinux
import ClusterAPI
import Logging
import NIOCore
import NIOPosix
import Storage

/// Takes commands of this user on a Unix socket.
struct ControlServer {
    typealias Perform =
        @Sendable (ClusterName, ClusterCommand) async throws(OperatorError) -> Void

    let path: String
    let group: MultiThreadedEventLoopGroup
    let perform: Perform
    let logger: Logger

    /// A command is short; who sends more is cut off.
    private static let maxLine = 64 << 10

    func run() async throws {
        let server = try await listen()
        try await server.executeThenClose { connections in
            // A failing connection must not end the others.
            await withDiscardingTaskGroup { tasks in
                do {
                    for try await connection in connections {
                        tasks.addTask { await serve(connection) }
                    }
                } catch is CancellationError {
                    // The operator is stopping.
                } catch {
                    // The operator works on without commands.
                    logger.error(
                        "no commands are taken any more: the socket has failed",
                        metadata: ["path": "\(path)", "error": "\(error)"]
                    )
                }
            }
        }
    }

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private func listen() async throws -> NIOAsyncChannel<Connection, Never> {
        do {
            // The lock on the state directory is ours, so a socket that is there is a leftover.
            try FileDisk().createDirectory(path.parent)
            try checkFolder()
            let server = try await ServerBootstrap(group: group).bind(
                unixDomainSocketPath: path,
                cleanupExistingSocketFile: true
            ) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Connection(wrappingChannelSynchronously: channel)
                }
            }
            restrictToOwner(path)
            return server
        } catch let error as OperatorError {
            throw error
        } catch {
            throw OperatorError(.control, "cannot listen for commands: \(error)", at: path)
        }
    }

    /// A folder of another user, such as anybody could have made in /tmp, is no place for a socket
    /// that gives orders.
    private func checkFolder() throws(OperatorError) {
        guard owner(of: path.parent) != effectiveUser() else { return }
        throw OperatorError(
            .control,
            "cannot listen for commands: the folder belongs to another user",
            at: path.parent,
            remedy: "remove it, or use a --state-dir with a shorter path"
        )
    }

    private func serve(_ connection: Connection) async {
        do {
            guard try await isOurs(connection.channel) else {
                try await connection.channel.close()
                return
            }
            try await connection.executeThenClose { inbound, outbound in
                var received: [UInt8] = []
                for try await buffer in inbound {
                    received += buffer.readableBytesView
                    guard received.count <= ControlServer.maxLine else { return }
                    while let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                        let reply = await answer(received[..<end])
                        received.removeFirst(end + 1)
                        let line = JSON.encode(reply, pretty: false) + [UInt8(ascii: "\n")]
                        try await outbound.write(ByteBuffer(bytes: line))
                    }
                }
            }
        } catch {
            // The client is gone; there is nobody to tell.
            return
        }
    }

    private func answer(_ line: ArraySlice<UInt8>) async -> ControlReply {
        let request: ControlRequest
        do {
            request = try JSON.decode(ControlRequest.self, from: line)
        } catch {
            return ControlReply(failure: .init(OperatorError(.control, "not understood: \(error)")))
        }
        let name = ClusterName(namespace: request.namespace, name: request.name)
        do throws(OperatorError) {
            try await perform(name, request.command)
            return ControlReply()
        } catch {
            return ControlReply(failure: .init(error))
        }
    }

    private func isOurs(_ channel: any Channel) async throws -> Bool {
        let user = try await peerUser(of: channel)
        return user == effectiveUser() || user == 0
    }
}

/// The user at the other end, as the kernel says.
func peerUser(of channel: any Channel) async throws -> UInt32? {
    guard let provider = channel as? any SocketOptionProvider else { return nil }
    let credentials: clinux_credentials = try await provider.unsafeGetSocketOption(
        level: .socket,
        name: .init(rawValue: Int32(CLINUX_PEER_CREDENTIALS))
    ).get()
    return credentials.uid
}
