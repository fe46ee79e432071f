import NIOCore
import NIOPosix
import Synchronization

/// A server that answers each request as soon as its header has come, with ResourceExhausted, and
/// says nothing else: no window is given back and no stream reset.
final class RawServer: Sendable {
    let port: Int
    private let listener: any Channel
    private let received: Received

    private final class Received: Sendable {
        let bytes = Mutex<[UInt8]>([])
    }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let received: Received
        private var answered = 0

        init(_ received: Received) { self.received = received }

        func channelActive(context: ChannelHandlerContext) {
            context.channel.writeAndFlush(ByteBuffer(bytes: Frames.settings()), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frames = received.bytes.withLock { bytes in
                bytes.append(contentsOf: unwrapInboundIn(data).readableBytesView)
                return Frames.parse(Array(bytes.dropFirst(Frames.preface.count)))
            }
            let requests = frames.filter { $0.type == 1 }
            for request in requests.dropFirst(answered) {
                let block = Frames.fields([
                    (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "8"),
                ])
                let answer = Frames.headers(request.stream, block, endStream: true)
                context.channel.writeAndFlush(ByteBuffer(bytes: answer), promise: nil)
            }
            answered = requests.count
        }
    }

    private init(_ listener: any Channel, _ received: Received) {
        self.listener = listener
        self.received = received
        port = listener.localAddress?.port ?? 0
    }

    static func start() async throws -> RawServer {
        let received = Received()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(received))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RawServer(listener, received)
    }

    /// The frames of its one client.
    var frames: [Frames.Frame] {
        Frames.parse(received.bytes.withLock { Array($0.dropFirst(Frames.preface.count)) })
    }

    func stop() async { try? await listener.close().get() }
}
