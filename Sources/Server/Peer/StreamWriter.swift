import EtcdProto
import NIOCore
import NIOHTTP1
import Raft

/// Our end of a stream that a peer reads: the body, without end, of our answer to its request.
final class StreamWriter {
    let kind: StreamKind
    private let channel: any Channel
    private var encoder: StreamEncoder
    private var gathered: ByteBuffer
    private var gatheredCount = 0
    /// Octets handed to the channel that the socket has not taken.
    private var unsentBytes = 0
    /// Beats since anything left while something was waiting.
    private var stuckBeats = 0

    /// As many messages as etcd's streams queue, and as many octets as make sense behind a socket.
    private static let maxGathered = 4_096
    private static let maxUnsentBytes = 64 << 20
    private static let pieceBytes = 256 << 10

    init(_ kind: StreamKind, channel: any Channel) {
        self.kind = kind
        self.channel = channel
        encoder = StreamEncoder(kind)
        gathered = channel.allocator.buffer(capacity: 4_096)
    }

    /// Queues a message; false when the stream is full or has gone.
    func write(_ message: Message) -> Bool {
        guard channel.isActive, gatheredCount < Self.maxGathered,
            unsentBytes + gathered.readableBytes < Self.maxUnsentBytes
        else { return false }
        encoder.encode(message, into: &gathered)
        gatheredCount += 1
        return true
    }

    /// In pieces, so that a reader that takes them slowly is seen to take them.
    func flush() {
        guard gathered.readableBytes > 0 else { return }
        while let piece = gathered.readSlice(
            length: min(gathered.readableBytes, Self.pieceBytes)
        ), piece.readableBytes > 0 {
            let count = piece.readableBytes
            unsentBytes += count
            let written = channel.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenComplete { _ in
                self.unsentBytes -= count
                self.stuckBeats = 0
            }
            channel.write(HTTPServerResponsePart.body(.byteBuffer(piece)), promise: written)
        }
        channel.flush()
        gathered = channel.allocator.buffer(capacity: 4_096)
        gatheredCount = 0
    }

    /// Keeps the reader from giving up, or gives up on a reader that takes nothing.
    func beat() {
        if unsentBytes > 0 {
            stuckBeats += 1
            if stuckBeats > 3 { return close() }
        } else {
            stuckBeats = 0
        }
        _ = write(.linkHeartbeat)
        flush()
    }

    func close() {
        channel.close(promise: nil)
    }
}
