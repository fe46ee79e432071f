import NIOCore
import NIOHTTP1
import NIOPosix

/// One GET on a connection of its own, for the rare questions members ask each other.
enum HTTPGet {
    enum Failure: Error {
        case tooLarge
        case closed
        case timeout
    }

    private static let maxBodyBytes = 4 << 20

    /// The whole answer, whatever its status.
    static func run(
        _ path: String,
        at place: PeerAddresses.Place,
        timeout: TimeAmount = .seconds(2),
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<HTTPAnswer> {
        let promise = eventLoop.makePromise(of: HTTPAnswer.self)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(Handler(path, place, timeout, promise))
                }
            }
            .connect(host: place.host, port: place.port)
            .whenFailure { promise.fail($0) }
        return promise.futureResult
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundOut = HTTPClientRequestPart

        private let path: String
        private let place: PeerAddresses.Place
        private let timeout: TimeAmount
        private let promise: EventLoopPromise<HTTPAnswer>
        private var answer: HTTPAnswer?
        private var timer: Scheduled<Void>?

        init(
            _ path: String,
            _ place: PeerAddresses.Place,
            _ timeout: TimeAmount,
            _ promise: EventLoopPromise<HTTPAnswer>
        ) {
            self.path = path
            self.place = place
            self.timeout = timeout
            self.promise = promise
        }

        func channelActive(context: ChannelHandlerContext) {
            let head = HTTPRequestHead(
                version: .http1_1,
                method: .GET,
                uri: path,
                headers: ["Host": place.authority, "Connection": "close"]
            )
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            let channel = context.channel
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
                self.promise.fail(Failure.timeout)
                channel.close(promise: nil)
            }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): answer = HTTPAnswer(head.status, head.headers)
            case .body(let bytes):
                answer?.body += bytes.readableBytesView
                if let count = answer?.body.count, count > HTTPGet.maxBodyBytes {
                    promise.fail(Failure.tooLarge)
                    context.close(promise: nil)
                }
            case .end:
                if let answer { promise.succeed(answer) }
                context.close(promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            timer?.cancel()
            promise.fail(Failure.closed)  // without effect after an answer
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            promise.fail(error)
            context.close(promise: nil)
        }
    }
}
