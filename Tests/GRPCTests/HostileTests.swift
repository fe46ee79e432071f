import GRPC
import NIOCore
import TestKit
import Testing

/// Clients that break the rules: their connection is closed, and that of others is not.
@Suite(.timeLimit(.minutes(5))) struct HostileTests {
    @Test(arguments: Seed.batch(24))
    func `noise after the preface closes that connection only`(seed: Seed) async throws {
        var random = seed.generator()
        // Noise that looks like frames gets further than noise alone.
        var noise: [UInt8] = []
        for _ in 0..<200 {
            let payload = random.bytes(random.below(60))
            let type = UInt8(random.below(11))
            let flags = random.chance(0.3) ? UInt8(random.below(256)) : 0
            noise += Frames.frame(type, flags, UInt32(random.below(9)), payload)
        }
        noise += random.bytes(1000)
        try await expectCut(Frames.preface + Frames.settings() + noise)
    }

    @Test func `a preface that is none closes the connection`() async throws {
        try await expectCut(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\nand more of it".utf8))
    }

    @Test func `ten thousand streams opened and reset are too many`() async throws {
        var bytes = Frames.preface + Frames.settings()
        for number in 0..<10_000 as Range<UInt32> {
            bytes += Frames.headers(2 * number + 1, Frames.request("/test.Echo/Never"))
            bytes += Frames.reset(2 * number + 1)
        }
        let raw = try await expectCut(bytes)
        #expect(raw.goawayCode != nil)
    }

    @Test func `pings in a row are too many`() async throws {
        let pings = (0..<5).flatMap { _ in Frames.ping }
        let raw = try await expectCut(Frames.preface + Frames.settings() + pings)
        #expect(raw.goawayCode == 0xb)
        #expect(raw.goawayText == "too_many_pings")
    }

    @Test func `settings in a row are too many after a while`() async throws {
        let settings = (0..<2000).flatMap { _ in Frames.settings() }
        let raw = try await expectCut(Frames.preface + settings)
        #expect(raw.goawayCode == 0xb)
    }

    @Test func `empty data in a row is too many after a while`() async throws {
        let call = Frames.headers(1, Frames.request("/test.Echo/Unary"))
        let empty = (0..<2000).flatMap { _ in Frames.frame(0, 0, 1, []) }
        let raw = try await expectCut(Frames.preface + Frames.settings() + call + empty)
        #expect(raw.goawayCode == 0xb)
    }

    @Test func `headers without end are cut off`() async throws {
        let block = Frames.request("/test.Echo/Unary")
        var bytes = Frames.preface + Frames.settings() + Frames.frame(1, 0, 1, block)
        let more = Frames.fields([("x-more", String(repeating: "a", count: 100))])
        for _ in 0..<1000 { bytes += Frames.frame(9, 0, 1, more) }
        try await expectCut(bytes)
    }

    @Test func `a small block that unpacks to much is cut off`() async throws {
        // One entry of 4,000 octets put into the table, then named by one octet 16,000 times.
        let entry: [UInt8] =
            [0x40, 1, 0x78, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x61, count: 4000)
        let block =
            Frames.request("/test.Echo/Unary") + entry + [UInt8](repeating: 0xbe, count: 12_000)
        try await expectCut(Frames.preface + Frames.settings() + Frames.headers(1, block))
    }

    @Test func `oversized headers fail their call, not the connection`() async throws {
        let server = try await TestServer.start { $0.maxHeaderListSize = 2000 }
        let raw = try await RawClient.connect(server.port)
        let large = [("x-large", String(repeating: "a", count: 3000))]
        let block = Frames.request("/test.Echo/Unary", extra: large)
        try await raw.send(Frames.preface + Frames.settings() + Frames.headers(1, block))
        try await raw.send(Frames.call("/test.Echo/Unary", id: 3, [1]))
        try await eventually("the second call is answered") {
            raw.frames.contains { $0.stream == 3 }
        }
        let reset = try #require(raw.frames.first { $0.stream == 1 })
        #expect(reset.type == 3)
        #expect(server.notes.seen.calls == 1)
        await raw.close()
        await server.stop()
    }

    @Test func `a client that closes its side in the middle harms nobody`() async throws {
        let server = try await TestServer.start()
        let raw = try await RawClient.connect(server.port)
        let half = Array(Frames.call("/test.Echo/Unary", id: 1, [1, 2, 3]).dropLast(2))
        try await raw.send(Frames.preface + Frames.settings() + half)
        try await raw.halfClose()
        try await eventually("the server closes too") { raw.isClosed }
        try await expectAlive(server)
    }

    @Test func `a stream that ends within its message gets an error`() async throws {
        let server = try await TestServer.start()
        let raw = try await RawClient.connect(server.port)
        let block = Frames.request("/test.Echo/Unary")
        try await raw.send(Frames.preface + Frames.settings() + Frames.headers(1, block))
        try await raw.send(Frames.frame(0, 1, 1, [0, 0, 0, 0, 9, 1]))
        try await eventually("it is answered") { raw.frames.contains { $0.stream == 1 } }
        let answer = raw.frames.filter { $0.stream == 1 }
        #expect(answer.map(\.type) == [1])
        #expect(answer.first.map { $0.flags & 1 } == 1)
        #expect(server.notes.seen.calls == 0)
        await raw.close()
        await server.stop()
    }

    @Test func `what is no gRPC is answered with an HTTP status`() async throws {
        let server = try await TestServer.start()
        let raw = try await RawClient.connect(server.port)
        let get = Frames.request("/test.Echo/Unary", method: "GET")
        let json = Frames.request("/test.Echo/Unary", type: "application/json")
        let late = Frames.request("/test.Echo/Unary", extra: [("grpc-timeout", "soon")])
        try await raw.send(
            Frames.preface + Frames.settings() + Frames.headers(1, get, endStream: true)
                + Frames.headers(3, json, endStream: true)
                + Frames.headers(5, late, endStream: true)
        )
        try await eventually("all are answered") {
            Set(raw.frames.map(\.stream)).isSuperset(of: [1, 3, 5])
        }
        let answers = HeaderDecoder().decode(raw.frames.filter { $0.type == 1 })
        #expect(answers.map { $0[":status"] } == ["405", "415", "400"])
        #expect(answers.map { $0["grpc-status"] } == ["13", "3", "13"])
        #expect(answers.last?["grpc-message"] == "malformed grpc-timeout: \"soon\"")
        #expect(server.notes.seen.calls == 0)
        await raw.close()
        await server.stop()
    }

    @Test func `requests that never end are held only up to a limit`() async throws {
        let server = try await TestServer.start { $0.maxHeldBytes = 232_000 }
        let raw = try await RawClient.connect(server.port)
        try await raw.send(Frames.preface + Frames.settings())
        for number in 0..<40 as Range<UInt32> {
            let block = Frames.request("/test.Echo/Unary")
            let body = [UInt8](repeating: 1, count: 10_000)
            let part: [UInt8] = [0] + Frames.big(1_000_000) + body
            try await raw.send(Frames.headers(2 * number + 1, block))
            try await raw.send(Frames.frame(0, 0, 2 * number + 1, part))
        }
        // Twenty fit, with what their headers take; each after them is answered.
        try await eventually("the rest are refused") {
            Set(raw.frames.filter { $0.type == 1 }.map(\.stream)).count == 20
        }
        await raw.close()
        try await expectAlive(server)
    }

    @Test func `requests that wait for unread answers are dropped when they time out`()
        async throws
    {
        let server = try await TestServer.start { $0.maxUnsentBytes = 1_000_000 }
        let raw = try await RawClient.connect(server.port)
        // 65,535 octets of window are all that this client ever grants.
        try await raw.send(Frames.preface + Frames.settings())
        try await raw.send(Frames.call("/test.Echo/Large", id: 1, Array("02000000".utf8)))
        let block = Frames.request("/test.Echo/Unary", extra: [("grpc-timeout", "5m")])
        let message = [UInt8](repeating: 1, count: 10_000)
        let body: [UInt8] = [0] + Frames.big(UInt32(message.count)) + message
        for number in 1..<101 as Range<UInt32> {
            let id = 2 * number + 1
            try await raw.send(Frames.headers(id, block) + Frames.frame(0, 1, id, body))
        }
        try await eventually("all have timed out") {
            Set(raw.frames.filter { $0.type == 1 }.map(\.stream)).count >= 100
        }
        #expect(try await server.waitingBytes() == 0)
        #expect(server.notes.seen.calls == 1)
        await raw.close()
        try await expectAlive(server)
    }

    @Test func `thousands of calls reset at once are no flood`() async throws {
        let server = try await TestServer.start()
        let raw = try await RawClient.connect(server.port)
        var bytes = Frames.preface + Frames.settings()
        for number in 0..<3_000 as Range<UInt32> {
            bytes += Frames.headers(2 * number + 1, Frames.request("/test.Echo/Never"))
        }
        for number in 0..<3_000 as Range<UInt32> { bytes += Frames.reset(2 * number + 1) }
        try await raw.send(bytes)
        try await raw.send(Frames.call("/test.Echo/Unary", id: 6_001, [1]))
        try await eventually("the next call is answered") {
            raw.frames.contains { $0.stream == 6_001 }
        }
        #expect(raw.goawayCode == nil)
        await raw.close()
        await server.stop()
    }

    @Test func `a request without a path is not taken for the one before`() async throws {
        let server = try await TestServer.start()
        let raw = try await RawClient.connect(server.port)
        let nowhere = Frames.fields([
            (":method", "POST"), (":scheme", "http"), ("content-type", "application/grpc"),
        ])
        try await raw.send(
            Frames.preface + Frames.settings()
                + Frames.headers(1, Frames.request("/test.Other/Unary"), endStream: true)
                + Frames.headers(3, nowhere, endStream: true)
        )
        try await eventually("both are answered") {
            Set(raw.frames.map(\.stream)).isSuperset(of: [1, 3])
        }
        let answers = HeaderDecoder().decode(raw.frames.filter { $0.type == 1 })
        #expect(answers.last?["grpc-message"] == "malformed method name: \"\"")
        await raw.close()
        await server.stop()
    }

    /// Sends the octets and waits for the server to close; others must not notice.
    @discardableResult
    private func expectCut(_ bytes: [UInt8]) async throws -> RawClient {
        let server = try await TestServer.start()
        let other = try await server.connect()
        let raw = try await RawClient.connect(server.port)
        try await raw.send(bytes)
        try await eventually("the connection is closed") { raw.isClosed }
        #expect(try await other.unary("/test.Echo/Unary", [1]) == [1])
        await other.close()
        try await expectAlive(server)
        return raw
    }

    private func expectAlive(_ server: TestServer) async throws {
        let client = try await server.connect()
        #expect(try await client.unary("/test.Echo/Later", [5]) == [5])
        await client.close()
        await server.stop()
    }
}
