import GRPC
import NIOCore
import TestKit
import Testing

/// Clients that send anything at all: their connection ends, others are served meanwhile and
/// after, and the server's memory stays what it was. `FUZZ_SECONDS=n` and `SEED=n` as in `Fuzz`.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FrameFuzzTests {
    private static let paths = [
        "/test.Echo/Unary", "/test.Echo/Never", "/test.Echo/Collect", "/test.Echo/Chat",
        "/test.Echo/Large", "/test.Echo/Expand", "/test.Echo/None", "/", "",
    ]

    private static let words: [[UInt8]] = [
        Frames.ping, Frames.settings(), Frames.reset(1), Frames.frame(8, 0, 0, [0, 0, 255, 255]),
        Frames.frame(8, 0, 1, [127, 255, 255, 255]), Frames.frame(0, 1, 1, []),
        Frames.frame(4, 0, 0, [0, 4, 255, 255, 255, 255]),
        Frames.frame(4, 0, 0, [0, 1, 0, 0, 0, 0]),
        Frames.frame(4, 0, 0, [0, 5, 0, 0, 0, 0]), Frames.frame(7, 0, 0, Frames.big(0)),
        Frames.frame(9, 4, 1, []), [0xFF, 0xFF, 0xFF], [0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
        Frames.fields([("grpc-timeout", "1n")]), Frames.fields([("grpc-encoding", "gzip")]),
        Frames.fields([("content-length", "18446744073709551616")]), Frames.fields([(":path", "")]),
        Frames.fields([("x-bin", "%%%=")]), Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8),
    ]

    @Test(arguments: Fuzz.seeds)
    func `changed conversations harm nobody else`(seed: Seed) async throws {
        let server = try await TestServer.start {
            $0.maxReceiveMessageSize = 1 << 16
            $0.maxHeldBytes = 1 << 20
        }
        let other = try await server.connect()
        let mutation = Mutation(words: Self.words, maxCount: 1 << 15)
        let memory = try Fuzz.residentBytes()
        try await Fuzz.run(seed, rounds: 600) { generator in
            let valid = conversation(&generator)
            let bytes: [UInt8]
            switch generator.below(10) {
            case 0: bytes = generator.bytes(generator.below(200))
            case 1: bytes = mutation.apply(to: Frames.preface + valid, &generator)
            case 2...5:
                bytes = Frames.preface + mutation.apply(to: valid, mixing: valid, &generator)
            default: bytes = Frames.preface + framesChanged(valid, &generator)
            }
            let raw = try await RawClient.connect(server.port)
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = generator.chance(0.5) ? rest.count : 1 + generator.below(300)
                try await raw.send(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            // Now and then while it is still open.
            if generator.chance(0.2) {
                #expect(try await other.unary("/test.Echo/Unary", [1]) == [1])
            }
            await raw.close()
        }
        #expect(try await other.unary("/test.Echo/Unary", [2]) == [2])
        let late = try await server.connect()
        #expect(try await late.unary("/test.Echo/Later", [3]) == [3])
        await late.close()
        await other.close()
        await server.stop()
        #expect(try Fuzz.residentBytes() - memory < 128 << 20)
    }

    /// Settings, then a few calls, of which some are not finished.
    private func conversation(_ generator: inout Generator) -> [UInt8] {
        var bytes = Frames.settings()
        for number in 0..<(1 + generator.below(5)) {
            let id = UInt32(2 * number + 1)
            let message = generator.bytes(generator.below(60))
            let path = generator.pick(Self.paths)
            switch generator.below(6) {
            case 0: bytes += Frames.headers(id, Frames.request(path))
            case 1:
                bytes += Frames.headers(id, Frames.request(path), endStream: true)
            case 2:
                // The header block in pieces.
                let block = Frames.request(path, extra: [("x-a", "b"), ("grpc-timeout", "5S")])
                let cut = generator.below(block.count)
                bytes += Frames.frame(1, 0, id, Array(block[..<cut]))
                bytes += Frames.frame(9, 4, id, Array(block[cut...]))
                bytes += Frames.frame(0, 1, id, [0] + Frames.big(UInt32(message.count)) + message)
            case 3:
                bytes += Frames.call(path, id: id, message) + Frames.reset(id)
            default: bytes += Frames.call(path, id: id, message)
            }
        }
        return bytes
    }

    /// Other types, flags, streams, lengths and payloads, in frames that are still frames; frames
    /// left out, repeated, in another order.
    private func framesChanged(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var frames = Frames.parse(bytes)
        let mutation = Mutation(words: Self.words, maxCount: 1 << 14)
        for _ in 0...generator.below(4) where !frames.isEmpty {
            let at = generator.below(frames.count)
            switch generator.below(9) {
            case 0: frames.remove(at: at)
            case 1:
                let copies = generator.chance(0.1) ? 400 : 1 + generator.below(3)
                frames.insert(contentsOf: repeatElement(frames[at], count: copies), at: at)
            case 2: frames.swapAt(at, generator.below(frames.count))
            case 3: frames[at].type = UInt8(generator.below(12))
            case 4: frames[at].flags = UInt8(truncatingIfNeeded: generator.next())
            case 5: frames[at].stream = UInt32(truncatingIfNeeded: generator.edgeNumber())
            case 6: frames[at].stream = UInt32(generator.below(12))
            default:
                frames[at].payload = mutation.apply(to: frames[at].payload, &generator)
            }
        }
        return frames.flatMap { Frames.frame($0.type, $0.flags, $0.stream, $0.payload) }
    }
}
