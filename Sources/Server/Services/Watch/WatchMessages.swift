import EtcdProto
import Keyspace
import NIOCore

/// Makes `WatchResponse` messages of replies, by hand: the records of the keyspace are the bytes of
/// `mvccpb.KeyValue` messages, so events are put together without taking them apart.
///
/// Watches of equal number on different streams that are given the same events are sent the same
/// buffer, so a put that a thousand clients watch is encoded once.
struct WatchMessages {
    /// Messages with fragments are split so that they stay below it.
    let mostBytes: Int
    private let clusterID: UInt64
    private let memberID: UInt64

    // What the last reply was made of.
    private var header: [UInt8] = []
    private var headerOf: (revision: Int64, term: UInt64) = (-1, 0)
    private var last: (events: UInt64, watch: Int64, revision: Int64, message: ByteBuffer)?

    init(clusterID: ClusterID, memberID: MemberID, mostBytes: Int) {
        self.clusterID = clusterID.rawValue
        self.memberID = memberID.rawValue
        self.mostBytes = mostBytes
    }

    /// Calls with each message of a reply.
    mutating func encode(_ reply: WatchReply, term: UInt64, _ body: (ByteBuffer) -> Void) {
        prepareHeader(reply.revision, term)
        if case .events(let events) = reply.content {
            encode(events, reply, body)
        } else {
            body(control(reply))
        }
    }

    private mutating func prepareHeader(_ revision: Int64, _ term: UInt64) {
        guard headerOf != (revision, term) else { return }
        headerOf = (revision, term)
        last = nil
        var header = WireWriter()
        header.number(1, clusterID)
        header.number(2, memberID)
        header.number(3, UInt64(bitPattern: revision))
        header.number(4, term)
        var field = WireWriter()
        field.bytes(1, header.bytes)
        self.header = field.bytes
    }

    private func control(_ reply: WatchReply) -> ByteBuffer {
        var message = WireWriter(bytes: header)
        message.number(2, UInt64(bitPattern: reply.watch))
        switch reply.content {
        case .created: message.flag(3)
        case .refused(let reason):
            message.flag(3)
            message.flag(4)
            message.bytes(6, Array(reason.utf8))
        case .canceled: message.flag(4)
        case .compacted(let revision):
            message.flag(4)
            message.number(5, UInt64(bitPattern: revision))
        case .progress, .events: break
        }
        return ByteBuffer(bytes: message.bytes)
    }

    // MARK: Events

    private mutating func encode(
        _ events: WatchEvents,
        _ reply: WatchReply,
        _ body: (ByteBuffer) -> Void
    ) {
        if let last, last.events == events.number, last.watch == reply.watch {
            return body(last.message)
        }
        var prefix = WireWriter(bytes: header)
        prefix.number(2, UInt64(bitPattern: reply.watch))
        let sizes = events.list.map { WireSize.field($0.wireSize) }
        let whole = sizes.reduce(prefix.bytes.count, +)
        guard reply.mayFragment, whole >= mostBytes, sizes.count > 1 else {
            let message = Self.message(prefix.bytes, events.list[...], whole)
            // A message of fragments is another one, so only whole ones are remembered.
            last = (events.number, reply.watch, reply.revision, message)
            return body(message)
        }
        prefix.flag(7)
        encodeFragments(events.list, sizes, reply, prefix.bytes, body)
    }

    /// Each as large as fits, of one event at least; all but the last are marked.
    private func encodeFragments(
        _ events: [WatchEvent],
        _ sizes: [Int],
        _ reply: WatchReply,
        _ prefix: [UInt8],
        _ body: (ByteBuffer) -> Void
    ) {
        var first = 0
        while first < events.count {
            var end = first + 1
            var size = prefix.count + sizes[first]
            while end < events.count, size + sizes[end] < mostBytes {
                size += sizes[end]
                end += 1
            }
            let isLast = end == events.count
            let mark = isLast ? Array(prefix.dropLast(2)) : prefix
            body(Self.message(mark, events[first..<end], size))
            first = end
        }
    }

    private static func message(
        _ prefix: [UInt8],
        _ events: ArraySlice<WatchEvent>,
        _ size: Int
    ) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: size)
        buffer.writeBytes(prefix)
        for event in events {
            buffer.writeField(11, length: event.wireSize)
            if event.isDeletion { buffer.writeInteger(0x0801 as UInt16) }
            buffer.writeField(2, length: event.keyValue.count)
            buffer.writeBytes(event.keyValue)
            if let previous = event.previous {
                buffer.writeField(3, length: previous.count)
                buffer.writeBytes(previous)
            }
        }
        return buffer
    }
}

extension WatchEvent {
    /// Of the `mvccpb.Event`: type, kv, prev_kv.
    fileprivate var wireSize: Int {
        (isDeletion ? 2 : 0) + WireSize.field(keyValue.count)
            + (previous.map { WireSize.field($0.count) } ?? 0)
    }
}

extension ByteBuffer {
    /// The beginning of a field that carries its length.
    fileprivate mutating func writeField(_ number: UInt8, length: Int) {
        writeInteger(number << 3 | 2)
        var rest = length
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}

/// Lengths in the protobuf encoding.
private enum WireSize {
    /// Of a field of up to 15 that carries so many bytes.
    static func field(_ count: Int) -> Int {
        1 + (max(1, Int.bitWidth - count.leadingZeroBitCount) + 6) / 7 + count
    }
}

/// The fields of a small message.
private struct WireWriter {
    private(set) var bytes: [UInt8] = []

    init(bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    /// A number, or nothing for zero.
    mutating func number(_ field: UInt8, _ value: UInt64) {
        guard value != 0 else { return }
        bytes.append(field << 3)
        varint(value)
    }

    mutating func flag(_ field: UInt8) { number(field, 1) }

    mutating func bytes(_ field: UInt8, _ value: [UInt8]) {
        bytes.append(field << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
