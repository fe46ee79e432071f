import EtcdProto
import NIOCore
import NIOHTTP1
import NIOPosix
import Raft

/// Sends single messages as `POST /raft`, one after the other on one connection, while there is no
/// stream. The queue is as long as etcd's.
final class Poster {
    private let peer: MemberID
    private let addresses: PeerAddresses
    private let context: PeerContext
    private let onUnreachable: (MemberID) -> Void
    private var queue = CircularBuffer<[UInt8]>()
    private var connection: PosterHandler?
    private var isConnecting = false
    private var isStopped = false

    private static let maxQueued = 64

    init(
        peer: MemberID,
        addresses: PeerAddresses,
        context: PeerContext,
        _ onUnreachable: @escaping (MemberID) -> Void
    ) {
        self.peer = peer
        self.addresses = addresses
        self.context = context
        self.onUnreachable = onUnreachable
    }

    /// Queues a message; false when it must be dropped.
    func post(_ message: Message) -> Bool {
        guard !isStopped, queue.count < Self.maxQueued else { return false }
        queue.append(message.encoded())
        if let connection { connection.sendNext() } else { connect() }
        return true
    }

    func stop() {
        isStopped = true
        queue.removeAll()
        connection?.close()
    }

    /// The next message to send, if one waits.
    func next() -> [UInt8]? {
        queue.popFirst()
    }

    func request(_ body: [UInt8], at place: PeerAddresses.Place) -> HTTPRequestHead {
        var headers = context.identity.headers()
        headers.add(name: "Host", value: place.authority)
        headers.add(name: "Content-Type", value: "application/protobuf")
        headers.add(name: "Content-Length", value: "\(body.count)")
        return HTTPRequestHead(version: .http1_1, method: .POST, uri: "/raft", headers: headers)
    }

    func answered(_ status: HTTPResponseStatus) {
        switch status {
        case .noContent: break
        case .forbidden: context.onRemoved(peer)
        default: onUnreachable(peer)
        }
    }

    /// A connection has gone; what it had not answered is lost, and Raft is told.
    func closed(_ handler: PosterHandler, withLoss: Bool) {
        guard connection === handler else { return }
        connection = nil
        if withLoss && !isStopped { onUnreachable(peer) }
        if !queue.isEmpty && !isStopped { connect() }
    }

    private func connect() {
        guard !isConnecting, let place = addresses.current else { return }
        isConnecting = true
        let poster = NIOLoopBound(self, eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .connectTimeout(PeerContext.dialTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    let handler = PosterHandler(poster.value, channel: channel, at: place)
                    try pipeline.addHandler(handler)
                }
            }
            .connect(host: place.host, port: place.port)
            .assumeIsolated()
            .whenComplete { result in
                self.isConnecting = false
                switch result {
                case .success(let channel): self.connected(channel)
                case .failure:
                    self.addresses.failed(place)
                    self.connection = nil
                    self.queue.removeAll()
                    if !self.isStopped { self.onUnreachable(self.peer) }
                }
            }
    }
}

extension Poster {
    /// A name with several addresses gives several attempts; this is the one that succeeded.
    private func connected(_ channel: any Channel) {
        let pipeline = channel.pipeline.syncOperations
        guard !isStopped, let handler = try? pipeline.handler(type: PosterHandler.self) else {
            return channel.close(promise: nil)
        }
        connection = handler
        handler.sendNext()
    }
}

/// One connection of a `Poster`: one request at a time.
final class PosterHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let poster: Poster
    private let channel: any Channel
    private let place: PeerAddresses.Place
    private var isWaiting = false
    private var deadline: Scheduled<Void>?

    init(_ poster: Poster, channel: any Channel, at place: PeerAddresses.Place) {
        self.poster = poster
        self.channel = channel
        self.place = place
    }

    func sendNext() {
        guard channel.isActive, !isWaiting, let body = poster.next() else { return }
        isWaiting = true
        deadline = channel.eventLoop.assumeIsolated().scheduleTask(in: PeerContext.readTimeout) {
            self.close()
        }
        let request = poster.request(body, at: place)
        channel.write(HTTPClientRequestPart.head(request), promise: nil)
        let bytes = IOData.byteBuffer(ByteBuffer(bytes: body))
        channel.write(HTTPClientRequestPart.body(bytes), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    func close() {
        channel.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): poster.answered(head.status)
        case .body: break
        case .end:
            isWaiting = false
            deadline?.cancel()
            sendNext()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        poster.closed(self, withLoss: isWaiting)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
