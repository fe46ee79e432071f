import NIOCore
import NIOHTTP1
import NIOPosix

/// One request on a connection of its own, for the rare questions members ask each other.
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
        method: HTTPMethod = .GET,
        headers: HTTPHeaders = [:],
        body: [UInt8] = [],
        timeout: TimeAmount = .seconds(2),
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<HTTPAnswer> {
        var headers = headers
        headers.add(name: "Host", value: place.authority)
        headers.add(name: "Connection", value: "close")
        if !body.isEmpty || method == .POST {
            headers.add(name: "Content-Length", value: "\(body.count)")
        }
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)

        let promise = eventLoop.makePromise(of: HTTPAnswer.self)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(Handler(head, body, timeout, promise))
                }
            }
            .connect(host: place.host, port: place.port)
            .whenFailure { promise.fail($0) }
        return promise.futureResult
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundOut = HTTPClientRequestPart

        private let head: HTTPRequestHead
        private let body: [UInt8]
        private let timeout: TimeAmount
        private let promise: EventLoopPromise<HTTPAnswer>
        private var answer: HTTPAnswer?
        private var timer: Scheduled<Void>?

        init(
            _ head: HTTPRequestHead,
            _ body: [UInt8],
            _ timeout: TimeAmount,
            _ promise: EventLoopPromise<HTTPAnswer>
        ) {
            self.head = head
            self.body = body
            self.timeout = timeout
            self.promise = promise
        }

        func channelActive(context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !body.isEmpty {
                let bytes = IOData.byteBuffer(ByteBuffer(bytes: body))
                context.write(wrapOutboundOut(.body(bytes)), promise: nil)
            }
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
