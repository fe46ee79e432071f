import NIOCore
import NIOHTTP1
import NIOPosix

/// One HTTP request to a peer.
struct PeerRequest {
    var path: String
    var method = HTTPMethod.GET
    var headers: HTTPHeaders = [:]
    var body: [UInt8] = []
    var timeout = TimeAmount.seconds(2)
    /// Whether the connection is kept for the next one: for what is asked often.
    var keepsConnection = false
    /// A longer answer is given up.
    var maxAnswerBytes = 4 << 20

    fileprivate func head(to place: PeerAddresses.Place) -> HTTPRequestHead {
        var headers = headers
        headers.add(name: "Host", value: place.authority)
        if !keepsConnection { headers.add(name: "Connection", value: "close") }
        if !body.isEmpty || method == .POST {
            headers.add(name: "Content-Length", value: "\(body.count)")
        }
        return HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
    }
}

/// Asks peers over HTTP: a request has a connection for itself until its answer is there, and the
/// next one may use that again.
final class PeerClient {
    enum Failure: Error {
        case tooMany
        case tooLarge
        case closed
        case timeout
    }

    typealias Reply = (Result<HTTPAnswer, any Error>) -> Void

    private let eventLoop: any EventLoop
    private var idle: [PeerAddresses.Place: [PeerConnection]] = [:]
    private var openCount = 0

    /// Beyond this, a question fails at once, and whoever asks may try again.
    private static let maxConnections = 256
    private static let maxIdle = 8

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Calls back once, in time, with the whole answer, whatever its status.
    func ask(_ request: PeerRequest, at place: PeerAddresses.Place, _ reply: @escaping Reply) {
        let question = PeerConnection.Question(
            request: request,
            deadline: .now() + request.timeout,
            reply: reply
        )
        if let connection = idle[place]?.popLast() { return connection.ask(question) }
        guard openCount < Self.maxConnections else { return reply(.failure(Failure.tooMany)) }
        openCount += 1
        let client = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(min(request.timeout, PeerContext.dialTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(
                        PeerConnection(client.value, channel: channel, to: place)
                    )
                }
            }
            .connect(host: place.host, port: place.port)
            .assumeIsolated()
            .whenComplete { result in
                do {
                    let pipeline = try result.get().pipeline.syncOperations
                    try pipeline.handler(type: PeerConnection.self).ask(question)
                } catch {
                    self.openCount -= 1
                    reply(.failure(error))
                }
            }
    }

    fileprivate func release(_ connection: PeerConnection) {
        let place = connection.place
        guard idle[place, default: []].count < Self.maxIdle else { return connection.close() }
        idle[place, default: []].append(connection)
    }

    fileprivate func closed(_ connection: PeerConnection) {
        openCount -= 1
        idle[connection.place]?.removeAll { $0 === connection }
        if idle[connection.place]?.isEmpty == true { idle[connection.place] = nil }
    }
}

/// One connection of a `PeerClient`: one question at a time.
private final class PeerConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    struct Question {
        let request: PeerRequest
        let deadline: NIODeadline
        let reply: PeerClient.Reply
    }

    let place: PeerAddresses.Place
    private let client: PeerClient
    private let channel: any Channel
    private var question: Question?
    private var answer: HTTPAnswer?
    private var staysOpen = false
    private var wasOpened = false
    private var timer: Scheduled<Void>?

    /// A connection that nobody uses is given up after this.
    private static let idleTime = TimeAmount.seconds(30)

    init(_ client: PeerClient, channel: any Channel, to place: PeerAddresses.Place) {
        self.client = client
        self.channel = channel
        self.place = place
    }

    func ask(_ question: Question) {
        wasOpened = true
        guard channel.isActive else {
            client.closed(self)
            wasOpened = false
            return question.reply(.failure(PeerClient.Failure.closed))
        }
        self.question = question
        timer?.cancel()
        timer = channel.eventLoop.assumeIsolated().scheduleTask(deadline: question.deadline) {
            self.finish(.failure(PeerClient.Failure.timeout))
        }
        let request = question.request
        channel.write(HTTPClientRequestPart.head(request.head(to: place)), promise: nil)
        if !request.body.isEmpty {
            let bytes = IOData.byteBuffer(ByteBuffer(bytes: request.body))
            channel.write(HTTPClientRequestPart.body(bytes), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    func close() {
        timer?.cancel()
        channel.close(promise: nil)
    }

    /// Only a whole answer leaves the connection in a state in which another can follow.
    private func finish(_ result: Result<HTTPAnswer, any Error>) {
        guard let question else { return }
        self.question = nil
        answer = nil
        timer?.cancel()
        if case .success = result, staysOpen {
            timer = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.idleTime) {
                self.close()
            }
            client.release(self)
        } else {
            close()
        }
        question.reply(result)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            staysOpen = head.isKeepAlive && question?.request.keepsConnection == true
            answer = HTTPAnswer(head.status, head.headers)
        case .body(let bytes):
            answer?.body += bytes.readableBytesView
            if let count = answer?.body.count, let question,
                count > question.request.maxAnswerBytes
            {
                finish(.failure(PeerClient.Failure.tooLarge))
            }
        case .end:
            if let answer { finish(.success(answer)) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if wasOpened { client.closed(self) }
        finish(.failure(PeerClient.Failure.closed))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.failure(error))
        context.close(promise: nil)
    }
}
