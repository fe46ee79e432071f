import NIOCore
import NIOHTTP1

/// Whole requests in, whole answers out, on an HTTP/1.1 connection; answers may come later.
///
/// A subclass-free seam between NIO's parts and our routes: `onHead` bounds a request's body before
/// any of it is read, and may take the connection over (peer streams do).
final class HTTPExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What becomes of a request when only its head is known.
    enum Reception {
        case readBody(limit: Int)
        /// Answered at once; what the client still sends is not read.
        case answer(HTTPAnswer)
        /// The body goes elsewhere as it comes.
        case stream(to: SnapshotReceiver)
        /// The head is answered by somebody who writes a body without end.
        case takenOver
    }

    private let onHead: (HTTPRequestHead, any Channel) -> Reception
    private let onRequest: (HTTPRequestHead, ByteBuffer, @escaping (HTTPAnswer) -> Void) -> Void
    private let onClosed: (any Channel) -> Void

    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var limit = 0
    private var receiver: SnapshotReceiver?
    private var deadline: Scheduled<Void>?

    /// A body of which nothing comes for so long is given up, as etcd does with its peers.
    private static let patience = TimeAmount.seconds(5)

    init(
        onHead: @escaping (HTTPRequestHead, any Channel) -> Reception,
        onRequest: @escaping (HTTPRequestHead, ByteBuffer, @escaping (HTTPAnswer) -> Void) -> Void,
        onClosed: @escaping (any Channel) -> Void
    ) {
        self.onHead = onHead
        self.onRequest = onRequest
        self.onClosed = onClosed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            switch onHead(head, context.channel) {
            case .readBody(let limit):
                self.head = head
                self.limit = limit
                body.clear()
                awaitMore(context.channel)
            case .answer(let answer): write(answer, keepAlive: false, context)
            case .stream(let receiver): stream(to: receiver, context.channel)
            case .takenOver: break
            }
        case .body(var bytes):
            if let receiver {
                awaitMore(context.channel)
                if !receiver.take(&bytes) { setReading(false, context.channel) }
                return
            }
            guard head != nil else { return }
            guard body.readableBytes + bytes.readableBytes <= limit else {
                head = nil
                deadline?.cancel()
                let answer = HTTPAnswer.error(.payloadTooLarge, "request body too large")
                return write(answer, keepAlive: false, context)
            }
            body.writeBuffer(&bytes)
            awaitMore(context.channel)
        case .end:
            if let receiver {
                deadline?.cancel()
                let context = NIOLoopBound(context, eventLoop: context.eventLoop)
                return receiver.finish { self.write($0, keepAlive: false, context.value) }
            }
            guard let head else { return }
            self.head = nil
            deadline?.cancel()
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            onRequest(head, body) { answer in
                self.write(answer, keepAlive: head.isKeepAlive, context.value)
            }
        }
    }

    private func stream(to receiver: SnapshotReceiver, _ channel: any Channel) {
        self.receiver = receiver
        receiver.onReadable = { [weak self] in self?.setReading(true, channel) }
        awaitMore(channel)
    }

    /// While a disk is slow, the sender has to wait.
    private func setReading(_ isReading: Bool, _ channel: any Channel) {
        guard channel.isActive, let options = channel.syncOptions else { return }
        if isReading { awaitMore(channel) } else { deadline?.cancel() }
        do {
            try options.setOption(.autoRead, value: isReading)
        } catch {
            channel.close(promise: nil)
        }
    }

    private func awaitMore(_ channel: any Channel) {
        deadline?.cancel()
        deadline = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        receiver?.onReadable = nil
        receiver?.close()
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
