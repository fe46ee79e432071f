package import NIOCore
package import Raft

/// Writes messages in the form of one stream.
///
/// `message`: each message as its length in eight bytes (all numbers are big-endian), then raftpb.
///
/// `msgApp` (etcd's "msgapp v2") begins each with a kind:
///
///     00                                            keeps the link alive
///     01 count | length entry | length entry | commit     continues the message before
///     02 length message                                   any append
///
/// An append continues the one before when its index and log term are where that one ended and no
/// term has passed; the receiver then knows everything but the entries and the commit index.
package struct StreamEncoder {
    package let kind: StreamKind
    private var index = LogIndex.zero
    private var term = Term.zero

    package init(_ kind: StreamKind) {
        self.kind = kind
    }

    package mutating func encode(_ message: Message, into buffer: inout ByteBuffer) {
        guard kind == .msgApp else {
            Self.write(message, into: &buffer)
            return
        }
        if message.isLinkHeartbeat {
            buffer.writeInteger(UInt8(0))
        } else if message.index == index && message.logTerm == term && message.term == term {
            buffer.writeInteger(UInt8(1))
            buffer.writeInteger(UInt64(message.entries.count))
            for entry in message.entries { Self.write(entry, into: &buffer) }
            buffer.writeInteger(message.commit.rawValue)
            index = index + UInt64(message.entries.count)
        } else {
            buffer.writeInteger(UInt8(2))
            Self.write(message, into: &buffer)
            term = message.term
            index = message.entries.last?.index ?? message.index
        }
    }

    private static func write(_ value: some WireCodable, into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt64(value.encodedSize))
        buffer.writeBytes(value.encoded())
    }
}
