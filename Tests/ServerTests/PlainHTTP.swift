import NIOCore
import NIOHTTP1
import NIOPosix

/// A request over HTTP/1.1 as a peer or a probe makes it.
enum PlainHTTP {
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: String
    }

    static func get(
        _ uri: String,
        port: Int,
        method: HTTPMethod = .GET,
        headers: HTTPHeaders = [:],
        body: [UInt8] = []
    ) async throws -> Answer {
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let promise = loop.makePromise(of: Answer.self)
        var headers = headers
        headers.add(name: "Host", value: "127.0.0.1:\(port)")
        headers.add(name: "Content-Length", value: "\(body.count)")
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(Collector(promise))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .get()
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(
            HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))),
            promise: nil
        )
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        let timeout = loop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
        defer {
            timeout.cancel()
            channel.close(promise: nil)
        }
        return try await promise.futureResult.get()
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let promise: EventLoopPromise<Answer>
        private var head: HTTPResponseHead?
        private var body = ""

        init(_ promise: EventLoopPromise<Answer>) {
            self.promise = promise
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                // A stream's answer has no end; its head is all there is to see.
                if head.headers.first(name: "transfer-encoding") == "chunked" { finish() }
            case .body(let bytes): body += String(buffer: bytes)
            case .end: finish()
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise.fail(ChannelError.eof)
        }

        private func finish() {
            guard let head else { return }
            promise.succeed(
                Answer(status: Int(head.status.code), headers: head.headers, body: body)
            )
        }
    }
}
