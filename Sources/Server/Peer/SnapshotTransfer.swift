import EtcdProto
import Keyspace
import Member
import NIOCore
import NIOHTTP1
import NIOPosix
import Raft
import Storage

/// Sends the keyspace to a follower that the log cannot help any more: `POST /raft/snapshot`, the
/// body of which is the message's length (8 bytes, big-endian), the message, and a bbolt file.
///
/// The file is written first, so that the view of the keyspace, which keeps old pages from being
/// used again, is held no longer than the disk needs.
struct SnapshotTransfer: Sendable {
    /// What Raft wants to say; the snapshot in it is completed with what the file holds.
    let message: Message
    let view: any BackendView
    let place: PeerAddresses.Place
    let identity: PeerIdentity
    let spool: SnapshotSpool
    let eventLoop: any EventLoop

    enum Failure: Error {
        case refused(HTTPResponseStatus)
        case closed
        case stalled
    }

    private static let pieceBytes = 128 << 10
    /// A peer that takes nothing for so long, or needs so long for an answer, is given up.
    private static let patience = TimeAmount.seconds(30)

    /// Returns when the peer has taken the snapshot.
    func run() async throws {
        let pool = NIOThreadPool.singleton
        let file = try await pool.runIfActive { try spool.create() }
        do {
            let (summary, members) = try await pool.runIfActive {
                defer { view.close() }
                // etcd 3.5 knows of members from the message alone, so it has to fit the rows.
                return (
                    try SnapshotFile.write(view, to: file),
                    try Membership(restoring: view).v2Store
                )
            }
            try await post(file, summary, members)
        } catch {
            spool.discard(file)
            throw error
        }
        spool.discard(file)
    }

    private func post(
        _ file: any DiskFile,
        _ summary: SnapshotSummary,
        _ members: [UInt8]
    ) async throws {
        var message = message
        message.snapshot = summary.snapshot(data: members)
        let encoded = message.encoded()
        var start = ByteBuffer()
        start.writeInteger(UInt64(encoded.count))
        start.writeBytes(encoded)
        let answer = eventLoop.makePromise(of: HTTPResponseStatus.self)
        let channel: any Channel
        do {
            channel = try await connect(answer)
        } catch {
            answer.fail(error)
            throw error
        }
        do {
            let length = Int64(start.readableBytes) + summary.size
            try await write(.head(request(length)), to: channel)
            try await write(.body(.byteBuffer(start)), to: channel)
            var offset: Int64 = 0
            while offset < summary.size {
                let piece = try await NIOThreadPool.singleton.runIfActive { [offset] in
                    try file.read(at: offset, count: Self.pieceBytes)
                }
                offset += Int64(piece.count)
                try await write(.body(.byteBuffer(ByteBuffer(bytes: piece))), to: channel)
            }
            try await write(.end(nil), to: channel)
            let status = try await within(answer.futureResult, channel)
            guard status == .noContent else { throw Failure.refused(status) }
        } catch {
            channel.close(promise: nil)
            throw error
        }
        channel.close(promise: nil)
    }

    private func request(_ length: Int64) -> HTTPRequestHead {
        var headers = identity.headers()
        headers.add(name: "Host", value: place.authority)
        headers.add(name: "Content-Type", value: "application/octet-stream")
        headers.add(name: "Content-Length", value: "\(length)")
        return HTTPRequestHead(
            version: .http1_1,
            method: .POST,
            uri: "/raft/snapshot",
            headers: headers
        )
    }

    private func connect(
        _ answer: EventLoopPromise<HTTPResponseStatus>
    ) async throws -> any Channel {
        try await ClientBootstrap(group: eventLoop)
            .connectTimeout(PeerContext.dialTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(AnswerWaiter(answer))
                }
            }
            .connect(host: place.host, port: place.port)
            .get()
    }

    private func write(_ part: HTTPClientRequestPart, to channel: any Channel) async throws {
        try await within(channel.writeAndFlush(part), channel)
    }

    /// Closes the connection when the future takes too long, which fails it.
    private func within<Value: Sendable>(
        _ future: EventLoopFuture<Value>,
        _ channel: any Channel
    ) async throws -> Value {
        let timer = eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
        defer { timer.cancel() }
        return try await future.get()
    }
}

/// Waits for the status of the one answer.
private final class AnswerWaiter: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: EventLoopPromise<HTTPResponseStatus>

    init(_ answer: EventLoopPromise<HTTPResponseStatus>) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) { answer.succeed(head.status) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(SnapshotTransfer.Failure.closed)  // without effect after an answer
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }
}
