import GRPC
import NIOCore
import NIOHTTP1

/// What a connection to the client port becomes, and all of them together.
final class ClientPort {
    private let configuration: GRPCServerConfiguration
    private let flushQueue: FlushQueue
    private let endpoints: HealthEndpoints
    private var servers: [ObjectIdentifier: GRPCServerHandler] = [:]
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var whenEmpty: (() -> Void)?

    /// No route of HTTP/1.1 here takes more.
    private static let maxBodyBytes = 64 << 10

    init(
        configuration: GRPCServerConfiguration,
        endpoints: HealthEndpoints,
        eventLoop: any EventLoop
    ) {
        self.configuration = configuration
        self.endpoints = endpoints
        flushQueue = FlushQueue(eventLoop: eventLoop)
    }

    /// Prepares an accepted connection.
    func accept(_ channel: any Channel) throws {
        let id = ObjectIdentifier(channel)
        channels[id] = channel
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            self.channels[id] = nil
            self.servers[id] = nil
            if self.channels.isEmpty { self.whenEmpty?() }
        }
        let sniffer = ProtocolSniffer { found, channel in
            switch found {
            case .http2: try self.installGRPC(channel)
            case .http1: try self.installHTTP(channel)
            }
        }
        try channel.pipeline.syncOperations.addHandler(sniffer)
    }

    private func installGRPC(_ channel: any Channel) throws {
        let handler = GRPCServerHandler(configuration: configuration, flushQueue: flushQueue)
        servers[ObjectIdentifier(channel)] = handler
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private func installHTTP(_ channel: any Channel) throws {
        let exchange = HTTPExchange(
            onHead: { _, _ in .readBody(limit: Self.maxBodyBytes) },
            onRequest: { head, _, reply in self.endpoints.answer(head, reply) },
            onClosed: { _ in }
        )
        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
        try channel.pipeline.syncOperations.addHandler(exchange)
    }

    /// Lets calls that are open finish, takes no new ones; calls back when all have gone.
    func drain(_ done: @escaping () -> Void) {
        for (id, channel) in channels {
            if let server = servers[id] {
                server.shutdownGracefully()
            } else {
                channel.close(promise: nil)
            }
        }
        if channels.isEmpty { done() } else { whenEmpty = done }
    }

    func closeAll() {
        whenEmpty = nil
        for channel in channels.values { channel.close(promise: nil) }
    }
}
