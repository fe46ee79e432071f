import NIOCore
import NIOPosix
import Synchronization

/// A socket on which a test says whatever it likes.
final class RawClient: Sendable {
    private let channel: any Channel
    private let received: Received

    private final class Received: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        var all: [UInt8] { bytes.withLock { $0 } }

        func append(_ buffer: ByteBuffer) {
            bytes.withLock { $0.append(contentsOf: buffer.readableBytesView) }
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let received: Received

        init(_ received: Received) { self.received = received }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received.append(unwrapInboundIn(data))
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    private init(_ channel: any Channel, _ received: Received) {
        self.channel = channel
        self.received = received
    }

    static func connect(_ port: Int) async throws -> RawClient {
        let received = Received()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(received))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawClient(channel, received)
    }

    /// Sends; a connection that the server has closed meanwhile is no error here.
    func send(_ bytes: [UInt8]) async throws {
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
        } catch is IOError {
        } catch is ChannelError {
        }
    }

    /// Sends the end of our side.
    func halfClose() async throws { try await channel.close(mode: .output).get() }

    func close() async { try? await channel.close().get() }

    /// True once the server has closed the connection.
    var isClosed: Bool { !channel.isActive }

    /// The frames that have come: type, flags, stream, payload.
    var frames: [Frames.Frame] { Frames.parse(received.all) }

    var hasPingAck: Bool { frames.contains { $0.type == 6 && $0.flags & 1 != 0 } }

    /// The error code of the last GOAWAY.
    var goawayCode: UInt32? {
        frames.last { $0.type == 7 }.map { frame in
            frame.payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// The text after it.
    var goawayText: String? {
        frames.last { $0.type == 7 }.map { String(decoding: $0.payload[8...], as: UTF8.self) }
    }
}

/// HTTP/2 frames, written by hand.
enum Frames {
    struct Frame {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let ping = frame(6, 0, 0, [UInt8](repeating: 1, count: 8))

    static func frame(_ type: UInt8, _ flags: UInt8, _ id: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let count = UInt32(payload.count)
        return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + big(id) + payload
    }

    static func settings() -> [UInt8] { frame(4, 0, 0, []) }

    static func reset(_ id: UInt32) -> [UInt8] { frame(3, 0, id, big(8)) }

    static func big(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(value >> $0 & 255) }
    }

    /// Header fields as literals without indexing, plain.
    static func fields(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + text(name) + text(value) }
    }

    private static func text(_ text: String) -> [UInt8] {
        let octets = Array(text.utf8)
        guard octets.count >= 127 else { return [UInt8(octets.count)] + octets }
        var rest = octets.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return length + [UInt8(rest)] + octets
    }

    static func request(
        _ path: String,
        method: String = "POST",
        type: String = "application/grpc",
        extra: [(String, String)] = []
    ) -> [UInt8] {
        fields(
            [
                (":method", method), (":scheme", "http"), (":path", path), (":authority", "x"),
                ("content-type", type), ("te", "trailers"),
            ] + extra
        )
    }

    static func headers(_ id: UInt32, _ block: [UInt8], endStream: Bool = false) -> [UInt8] {
        frame(1, endStream ? 5 : 4, id, block)
    }

    /// A whole unary call.
    static func call(_ path: String, id: UInt32, _ message: [UInt8]) -> [UInt8] {
        headers(id, request(path)) + frame(0, 1, id, [0] + big(UInt32(message.count)) + message)
    }

    static func parse(_ bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            guard rest.count >= 9 + count else { break }
            let id = head[5...].reduce(0) { $0 << 8 | UInt32($1) }
            let payload = Array(rest.dropFirst(9).prefix(count))
            frames.append(Frame(type: head[3], flags: head[4], stream: id, payload: payload))
            rest = rest.dropFirst(9 + count)
        }
        return frames
    }
}
