import NIOCore
import NIOPosix

/// One try to connect: name, socket, HTTP/2 greeting, all within one timeout.
struct ConnectAttempt: Sendable {
    let host: String
    let port: Int
    let configuration: GRPCClientConfiguration
    let loop: any EventLoop

    /// The server's greeting did not come.
    private struct NoGreeting: Error { var reason: String }

    func connect(
        _ make: @escaping @Sendable (any Channel, ClientConnection) -> GRPCConnection
    ) -> EventLoopFuture<GRPCConnection> {
        let greeted = loop.makePromise(of: GRPCConnection.self)
        // Which of the channels that were tried, one for each address of the host, has connected.
        let connected = loop.makePromise(of: ObjectIdentifier.self)
        let timeout = loop.scheduleTask(in: configuration.connectTimeout) {
            greeted.fail(ChannelError.connectTimeout(configuration.connectTimeout))
        }
        ClientBootstrap(group: loop)
            .connectTimeout(configuration.connectTimeout)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        handler(channel, connected.futureResult, greeted, make)
                    )
                }
            }
            .connect(host: host, port: port)
            .whenComplete { result in
                switch result {
                case .failure(let error):
                    greeted.fail(error)
                    connected.fail(error)
                case .success(let channel):
                    connected.succeed(ObjectIdentifier(channel))
                    greeted.futureResult.whenFailure { _ in channel.close(promise: nil) }
                }
            }
        greeted.futureResult.whenComplete { _ in timeout.cancel() }
        return greeted.futureResult
    }

    private func handler(
        _ channel: any Channel,
        _ connected: EventLoopFuture<ObjectIdentifier>,
        _ greeted: EventLoopPromise<GRPCConnection>,
        _ make: @escaping @Sendable (any Channel, ClientConnection) -> GRPCConnection
    ) -> GRPCClientHandler {
        let link = Link()
        let connection = ClientConnection(
            eventLoop: loop,
            authority: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)",
            configuration: configuration,
            onReady: { failure in
                if let failure {
                    // Why a channel never came to be is better told by the attempt to connect it,
                    // and another address may still do.
                    let id = ObjectIdentifier(channel)
                    connected.whenSuccess {
                        if $0 == id { greeted.fail(NoGreeting(reason: failure)) }
                    }
                    return
                }
                guard let connection = link.connection else { return }
                let made = make(channel, connection)
                link.made = made
                greeted.succeed(made)
            },
            onRefusal: { link.made?.stopAccepting() }
        )
        link.connection = connection
        return GRPCClientHandler(connection)
    }

    /// What ties a connection's callbacks to the object they make.
    private final class Link {
        weak var connection: ClientConnection?
        weak var made: GRPCConnection?
    }

    /// The cause in words.
    func reason(_ error: any Error) -> String {
        switch error {
        case let error as NoGreeting: "no HTTP/2 there: \(error.reason)"
        case ChannelError.connectTimeout:
            "timed out after \(Double(configuration.connectTimeout.nanoseconds) / 1e9) s"
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { "\($0.error)" }
                ?? error.dnsAError.map { "\($0)" } ?? error.dnsAAAAError.map { "\($0)" }
                ?? "\(error)"
        default: "\(error)"
        }
    }
}
