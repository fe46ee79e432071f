import EtcdProto
import NIOCore
import Raft
import Server
import TestKit
import Testing

/// The bytes of the streams between members.
@Suite struct StreamCodecTests {
    private let local = MemberID(rawValue: 2)
    private let remote = MemberID(rawValue: 1)

    private func append(_ term: UInt64, after index: UInt64, _ sizes: [Int]) -> Message {
        Message(
            kind: .append,
            to: NodeID(rawValue: 2),
            from: NodeID(rawValue: 1),
            term: Term(rawValue: term),
            logTerm: Term(rawValue: term),
            index: LogIndex(rawValue: index),
            entries: sizes.enumerated().map { position, size in
                Entry(
                    term: Term(rawValue: term),
                    index: LogIndex(rawValue: index + UInt64(position) + 1),
                    data: [UInt8](repeating: 7, count: size)
                )
            },
            commit: LogIndex(rawValue: index)
        )
    }

    private func encode(_ messages: [Message], _ kind: StreamKind) -> ByteBuffer {
        var encoder = StreamEncoder(kind)
        var bytes = ByteBuffer()
        for message in messages { encoder.encode(message, into: &bytes) }
        return bytes
    }

    /// Feeds the bytes in pieces of random size.
    private func decode(
        _ bytes: ByteBuffer,
        _ kind: StreamKind,
        _ generator: inout Generator
    ) throws -> [Message] {
        var decoder = StreamDecoder(kind, local: local, remote: remote)
        var rest = bytes
        var messages: [Message] = []
        while rest.readableBytes > 0 {
            let count = min(rest.readableBytes, 1 + generator.below(40))
            guard var piece = rest.readSlice(length: count) else { break }
            decoder.receive(&piece)
            while let message = try decoder.next() { messages.append(message) }
        }
        return messages
    }

    @Test(arguments: Seed.batch(16), StreamKind.allCases)
    func `what is written is read again however it is cut`(seed: Seed, kind: StreamKind) throws {
        var generator = seed.generator()
        var messages: [Message] = []
        var index: UInt64 = 0
        var term: UInt64 = 1
        for _ in 0..<40 {
            if generator.chance(0.1) { term += 1 }
            if generator.chance(0.1) { index += 5 }
            if generator.chance(0.2) {
                messages.append(.linkHeartbeat)
            } else {
                let sizes = (0..<generator.below(4)).map { _ in generator.below(60) }
                messages.append(append(term, after: index, sizes))
                index += UInt64(sizes.count)
            }
        }
        let bytes = encode(messages, kind)
        #expect(try decode(bytes, kind, &generator) == messages)
    }

    @Test func `an append that continues the one before is sent without its frame`() {
        var encoder = StreamEncoder(.msgApp)
        var bytes = ByteBuffer()
        encoder.encode(append(3, after: 10, [1]), into: &bytes)
        #expect(bytes.getInteger(at: 0, as: UInt8.self) == 2)
        var next = ByteBuffer()
        encoder.encode(append(3, after: 11, [1, 1]), into: &next)
        #expect(next.readInteger(as: UInt8.self) == 1)
        #expect(next.readInteger(as: UInt64.self) == 2)
        var gap = ByteBuffer()
        encoder.encode(append(3, after: 20, [1]), into: &gap)
        #expect(gap.readInteger(as: UInt8.self) == 2)
        var otherTerm = ByteBuffer()
        encoder.encode(append(4, after: 21, [1]), into: &otherTerm)
        #expect(otherTerm.readInteger(as: UInt8.self) == 2)
    }

    /// As etcd 3.5 writes it: kind 2, eight bytes of length, raftpb with every scalar.
    @Test func `the first append has etcd's bytes`() {
        let message = Message(
            kind: .append,
            to: NodeID(rawValue: 2),
            from: NodeID(rawValue: 1),
            term: Term(rawValue: 1),
            logTerm: Term(rawValue: 1),
            index: LogIndex(rawValue: 3),
            commit: LogIndex(rawValue: 3)
        )
        let bytes = encode([message], .msgApp)
        let body = message.encoded()
        let expected = [2, 0, 0, 0, 0, 0, 0, 0, UInt8(body.count)] + body
        #expect(Array(bytes.readableBytesView) == expected)
        #expect(Array(encode([.linkHeartbeat], .msgApp).readableBytesView) == [0])
    }

    @Test(
        arguments: [
            [9],
            [2, 255, 255, 255, 255, 255, 255, 255, 255],
            [1, 0, 0, 0, 0, 255, 255, 255, 255],
            [2, 0, 0, 0, 0, 0, 0, 0, 2, 255, 255],
            [1, 0, 0, 0, 0, 0, 0, 0, 1, 127, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]]
    )
    func `hostile bytes are an error`(bytes: [UInt8]) {
        var decoder = StreamDecoder(.msgApp, local: local, remote: remote)
        var buffer = ByteBuffer(bytes: bytes)
        decoder.receive(&buffer)
        #expect(throws: StreamDecoder.Failure.self) { _ = try decoder.next() }
    }

    @Test(arguments: Seed.batch(32), StreamKind.allCases)
    func `random bytes never trap`(seed: Seed, kind: StreamKind) {
        var generator = seed.generator()
        var decoder = StreamDecoder(kind, local: local, remote: remote)
        for _ in 0..<50 {
            var bytes = generator.bytes(generator.below(30))
            if generator.chance(0.7), !bytes.isEmpty { bytes[0] = UInt8(generator.below(3)) }
            for position in 1..<8 where position < bytes.count && generator.chance(0.9) {
                bytes[position] = 0
            }
            var buffer = ByteBuffer(bytes: bytes)
            decoder.receive(&buffer)
            do {
                while try decoder.next() != nil {}
            } catch {
                decoder = StreamDecoder(kind, local: local, remote: remote)
            }
        }
    }

    @Test func `an index at the end of its range wraps and does not trap`() throws {
        var encoder = StreamEncoder(.msgApp)
        var bytes = ByteBuffer()
        var first = append(1, after: 0, [])
        first.index = LogIndex(rawValue: .max)
        encoder.encode(first, into: &bytes)
        bytes.writeInteger(UInt8(1))
        bytes.writeInteger(UInt64(1))
        let entry = Entry(term: Term(rawValue: 1), index: .zero).encoded()
        bytes.writeInteger(UInt64(entry.count))
        bytes.writeBytes(entry)
        bytes.writeInteger(UInt64(0))
        var decoder = StreamDecoder(.msgApp, local: local, remote: remote)
        decoder.receive(&bytes)
        _ = try decoder.next()
        #expect(try decoder.next()?.entries.count == 1)
    }
}
