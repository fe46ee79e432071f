import NIOCore
import NIOHTTP1

/// Whole requests in, whole answers out, on an HTTP/1.1 connection; answers may come later.
///
/// A subclass-free seam between NIO's parts and our routes: `limit` bounds a request's body, and
/// `onHead` may take the connection over before a body is read (peer streams do).
final class HTTPExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What becomes of a request when only its head is known.
    enum Reception {
        case readBody
        /// Answered at once; what the client still sends is not read.
        case answer(HTTPAnswer)
        /// The head is answered by somebody who writes a body without end.
        case takenOver
    }

    private let limit: Int
    private let onHead: (HTTPRequestHead, any Channel) -> Reception
    private let onRequest: (HTTPRequestHead, ByteBuffer, @escaping (HTTPAnswer) -> Void) -> Void
    private let onClosed: (any Channel) -> Void

    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(
        limit: Int,
        onHead: @escaping (HTTPRequestHead, any Channel) -> Reception,
        onRequest: @escaping (HTTPRequestHead, ByteBuffer, @escaping (HTTPAnswer) -> Void) -> Void,
        onClosed: @escaping (any Channel) -> Void
    ) {
        self.limit = limit
        self.onHead = onHead
        self.onRequest = onRequest
        self.onClosed = onClosed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            switch onHead(head, context.channel) {
            case .readBody:
                self.head = head
                body.clear()
            case .answer(let answer): write(answer, keepAlive: false, context)
            case .takenOver: break
            }
        case .body(var bytes):
            guard head != nil else { return }
            guard body.readableBytes + bytes.readableBytes <= limit else {
                head = nil
                let answer = HTTPAnswer.error(.payloadTooLarge, "request body too large")
                return write(answer, keepAlive: false, context)
            }
            body.writeBuffer(&bytes)
        case .end:
            guard let head else { return }
            self.head = nil
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            onRequest(head, body) { answer in
                self.write(answer, keepAlive: head.isKeepAlive, context.value)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        onClosed(context.channel)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func write(_ answer: HTTPAnswer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        var head = HTTPResponseHead(
            version: .http1_1,
            status: answer.status,
            headers: answer.headers
        )
        if answer.status.mayHaveResponseBody {
            head.headers.replaceOrAdd(name: "Content-Length", value: "\(answer.body.count)")
        }
        if !keepAlive { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !answer.body.isEmpty {
            let bytes = IOData.byteBuffer(ByteBuffer(bytes: answer.body))
            context.write(wrapOutboundOut(.body(bytes)), promise: nil)
        }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !keepAlive {
            let channel = context.channel
            written.assumeIsolated().whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
