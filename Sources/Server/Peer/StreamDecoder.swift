package import EtcdProto
package import NIOCore
package import Raft

/// Reads what `StreamEncoder` writes, from bytes that arrive in pieces.
///
/// Nothing is set aside because a length or a count says so: memory grows only with what has
/// really arrived, up to `maxMessageBytes`.
package struct StreamDecoder {
    /// Why a stream cannot be read on; the connection is closed and dialled again.
    package enum Failure: Error, Hashable, Sendable {
        case tooLarge(UInt64)
        case unknownKind(UInt8)
        case malformed(WireError)
    }

    package let kind: StreamKind
    private let maxMessageBytes: Int
    private let local: NodeID
    private let remote: NodeID
    private var buffer = ByteBuffer()
    private var index = LogIndex.zero
    private var term = Term.zero
    /// The continued append whose entries are arriving, and how many are missing.
    private var partial: (message: Message, missing: UInt64, bytes: Int)?

    /// etcd reads messages of up to 512 MB.
    package static let maxMessageBytes = 512 << 20
    /// More entries than a leader ever puts into one append, whose size is about 1 MiB.
    private static let maxEntries: UInt64 = 1 << 20

    /// `local` and `remote` are the addressee and the sender of continued appends.
    package init(
        _ kind: StreamKind,
        local: MemberID,
        remote: MemberID,
        maxMessageBytes: Int = StreamDecoder.maxMessageBytes
    ) {
        self.kind = kind
        self.local = NodeID(rawValue: local.rawValue)
        self.remote = NodeID(rawValue: remote.rawValue)
        self.maxMessageBytes = maxMessageBytes
    }

    package mutating func receive(_ bytes: inout ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.discardReadBytes()
            buffer.writeBuffer(&bytes)
        }
    }

    /// The next whole message, or nil when more bytes are needed.
    package mutating func next() throws(Failure) -> Message? {
        if partial != nil { return try continueAppend() }
        guard kind == .msgApp else { return try wholeMessage(skipping: 0) }
        guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else {
            return nil
        }
        switch first {
        case 0:
            buffer.moveReaderIndex(forwardBy: 1)
            return .linkHeartbeat
        case 1:
            guard let count = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt64.self) else {
                return nil
            }
            guard count <= Self.maxEntries else { throw .tooLarge(count) }
            buffer.moveReaderIndex(forwardBy: 9)
            let message = Message(
                kind: .append,
                to: local,
                from: remote,
                term: term,
                logTerm: term,
                index: index
            )
            partial = (message, count, 0)
            return try continueAppend()
        case 2:
            guard let message = try wholeMessage(skipping: 1) else { return nil }
            term = message.term
            index = message.entries.last?.index ?? message.index
            return message
        default:
            throw .unknownKind(first)
        }
    }

    private mutating func continueAppend() throws(Failure) -> Message? {
        while let missing = partial?.missing, missing > 0 {
            guard let bytes = try nextValue(skipping: 0) else { return nil }
            let total = (partial?.bytes ?? 0) + bytes.count
            guard total <= maxMessageBytes else { throw .tooLarge(UInt64(total)) }
            partial?.message.entries.append(try Self.decode(bytes))
            partial?.missing -= 1
            partial?.bytes = total
        }
        guard let commit = buffer.readInteger(as: UInt64.self), var message = partial?.message
        else { return nil }
        partial = nil
        // Wrapping, because the index came from the network; Raft refuses what makes no sense.
        index = LogIndex(rawValue: index.rawValue &+ UInt64(message.entries.count))
        message.commit = LogIndex(rawValue: commit)
        return message
    }

    private mutating func wholeMessage(skipping prefix: Int) throws(Failure) -> Message? {
        guard let bytes = try nextValue(skipping: prefix) else { return nil }
        return try Self.decode(bytes)
    }

    /// The bytes behind a prefix and a length, or nil while they have not all arrived.
    private mutating func nextValue(skipping prefix: Int) throws(Failure) -> [UInt8]? {
        let start = buffer.readerIndex + prefix
        guard let length = buffer.getInteger(at: start, as: UInt64.self) else { return nil }
        guard length <= UInt64(maxMessageBytes) else { throw .tooLarge(length) }
        guard let bytes = buffer.getBytes(at: start + 8, length: Int(length)) else { return nil }
        buffer.moveReaderIndex(to: start + 8 + Int(length))
        return bytes
    }

    private static func decode<Value: WireCodable>(_ bytes: [UInt8]) throws(Failure) -> Value {
        do throws(WireError) {
            return try Value(decoding: bytes)
        } catch {
            throw .malformed(error)
        }
    }
}
