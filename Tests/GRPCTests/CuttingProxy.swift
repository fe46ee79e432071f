import GRPC
import NIOCore
import NIOPosix
import Synchronization

/// A test server behind a relay that can cut the connection as a broken network does.
final class CuttingProxy: Sendable {
    let server: TestServer
    let port: Int
    private let clients: Clients

    private final class Clients: Sendable {
        let channels = Mutex<[any Channel]>([])
    }

    /// Passes octets to the channel on the other side, on the same event loop.
    private final class Relay: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let other: any Channel

        init(_ other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    }

    private init(_ server: TestServer, _ port: Int, _ clients: Clients) {
        self.server = server
        self.port = port
        self.clients = clients
    }

    static func start() async throws -> CuttingProxy {
        let server = try await TestServer.start()
        let clients = Clients()
        let target = server.port
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { child in
                clients.channels.withLock { $0.append(child) }
                return ClientBootstrap(group: child.eventLoop)
                    .channelInitializer { upstream in
                        upstream.eventLoop.makeCompletedFuture {
                            try upstream.pipeline.syncOperations.addHandler(Relay(child))
                        }
                    }
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { upstream in
                        try child.pipeline.syncOperations.addHandler(Relay(upstream))
                    }
                    .flatMap { child.setOption(.autoRead, value: true) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return CuttingProxy(server, listener.localAddress?.port ?? 0, clients)
    }

    func connect() async throws -> GRPCConnection {
        try await GRPCConnection.connect(
            host: "127.0.0.1",
            port: port,
            group: MultiThreadedEventLoopGroup.singleton
        )
    }

    /// True while a client is connected.
    var isInUse: Bool { clients.channels.withLock { $0.contains(where: \.isActive) } }

    /// Closes the clients' sockets without a word of HTTP/2.
    func cut() async throws {
        for channel in clients.channels.withLock({ $0 }) { try await channel.close().get() }
    }
}
