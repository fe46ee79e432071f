import GRPC
import NIOCore
import NIOPosix
import TestKit
import Testing

/// Streams, flow control and the end of connections.
@Suite(.timeLimit(.minutes(5))) struct StreamTests {
    @Test func `a conversation goes both ways`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let stream = await client.stream("/test.Echo/Chat")
        var messages = stream.messages
        for number in 0..<50 {
            try await stream.send(ByteBuffer(string: "message \(number)"))
            let answer = try await messages.next()
            #expect(answer.map { String(buffer: $0) } == "message \(number)")
        }
        stream.finish()
        #expect(try await messages.next() == nil)
        await client.close()
        await server.stop()
    }

    @Test func `a client can send much and get one answer`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let stream = await client.stream("/test.Echo/Collect")
        let message = ByteBuffer(repeating: 3, count: 50_000)
        for _ in 0..<100 { try await stream.send(message) }
        stream.finish()
        var messages = stream.messages
        let answer = try await messages.next()
        #expect(answer.map { String(buffer: $0) } == "5000000")
        #expect(try await messages.next() == nil)
        await client.close()
        await server.stop()
    }

    @Test func `a slow reader makes the server wait, and loses nothing`() async throws {
        let server = try await TestServer.start()
        var configuration = GRPCClientConfiguration()
        configuration.streamWindow = 65_535
        let client = try await server.connect(configuration)
        let stream = await client.stream("/test.Echo/Expand")
        try await stream.send(ByteBuffer(string: "3000 10000"))
        var messages = stream.messages
        #expect(try await messages.next()?.readableBytes == 10_000)
        // What is sent stops growing long before the 30 MB are out.
        var before = -1
        try await eventually("the server waits") {
            defer { before = server.notes.seen.received }
            try await Task.sleep(for: .milliseconds(30))
            return server.notes.seen.received == before
        }
        #expect(server.notes.seen.received < 300)
        var count = 1
        while let message = try await messages.next() {
            #expect(message.readableBytes == 10_000)
            count += 1
        }
        #expect(count == 3000)
        #expect(server.notes.seen.mostBuffered <= 128 * 1024 + 10_005)
        await client.close()
        await server.stop()
    }

    @Test func `a server that pauses makes the client wait`() async throws {
        let server = try await TestServer.start { $0.streamWindow = 65_535 }
        let client = try await server.connect()
        let stream = await client.stream("/test.Echo/Stuck")
        let message = ByteBuffer(repeating: 3, count: 10_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<500 {
                    try await stream.send(message)
                    server.notes.note { $0.sent += 1 }
                }
            }
            var before = -1
            try await eventually("the client waits") {
                defer { before = server.notes.seen.sent }
                try await Task.sleep(for: .milliseconds(30))
                return before > 0 && server.notes.seen.sent == before
            }
            // What the window and the client's own queue take, and one message that was read.
            #expect(server.notes.seen.sent <= 15)
            #expect(server.notes.seen.received == 10_000)
            server.notes.note { $0.mayRead = true }
            try await group.waitForAll()
        }
        stream.finish()
        var messages = stream.messages
        let answer = try await messages.next()
        #expect(answer.map { String(buffer: $0) } == "5000000")
        await client.close()
        await server.stop()
    }

    @Test func `a sender that waits for room can be cancelled`() async throws {
        let server = try await TestServer.start { $0.streamWindow = 65_535 }
        let client = try await server.connect()
        let stream = await client.stream("/test.Echo/Stuck")
        let message = ByteBuffer(repeating: 3, count: 10_000)
        let task = Task {
            await failure { for _ in 0..<500 { try await stream.send(message) } }
        }
        try await eventually("the first message arrives") { server.notes.seen.received > 0 }
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        await client.close()
        await server.stop()
    }

    @Test func `a stream answered before its request was sent is reset`() async throws {
        let server = try await RawServer.start()
        let client = try await GRPCConnection.connect(
            host: "127.0.0.1",
            port: server.port,
            group: MultiThreadedEventLoopGroup.singleton
        )
        // 65,535 octets of window are all that this server ever grants.
        let error = await failure {
            try await client.unary("/test.Echo/Unary", [UInt8](repeating: 1, count: 300_000))
        }
        #expect(error == GRPCStatus(.resourceExhausted, ""))
        try await eventually("the rest is called off") { server.frames.contains { $0.type == 3 } }
        await client.close()
        await server.stop()
    }

    @Test func `answers that nobody takes are bounded`() async throws {
        let server = try await TestServer.start { $0.maxUnsentBytes = 4_000_000 }
        let raw = try await RawClient.connect(server.port)
        // 65,535 octets of window are all that this client ever grants.
        try await raw.send(Frames.preface + Frames.settings())
        for number in 0..<100 {
            let id = UInt32(2 * number + 1)
            try await raw.send(Frames.call("/test.Echo/Large", id: id, Array("1000000".utf8)))
        }
        try await raw.send(Frames.ping)
        try await eventually("all has been read") { raw.hasPingAck }
        #expect(server.notes.seen.calls > 0)
        #expect(server.notes.seen.calls <= 6)
        let client = try await server.connect()
        #expect(try await client.unary("/test.Echo/Unary", [4]) == [4])
        await client.close()
        await raw.close()
        await server.stop()
    }

    @Test func `cancelling a stream reaches the server`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let stream = await client.stream("/test.Echo/Chat")
        try await stream.send(ByteBuffer(string: "x"))
        var messages = stream.messages
        _ = try await messages.next()
        stream.cancel()
        let error = await failure { try await messages.next() }
        #expect(error?.code == .cancelled)
        try await eventually("the server hears of it") { server.notes.seen.cancelled == 1 }
        await client.close()
        await server.stop()
    }

    @Test func `a stream that nobody holds any more is cancelled`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        do {
            let stream = await client.stream("/test.Echo/Chat")
            try await stream.send(ByteBuffer(string: "x"))
            var messages = stream.messages
            _ = try await messages.next()
        }
        try await eventually("the server hears of it") { server.notes.seen.cancelled == 1 }
        await client.close()
        await server.stop()
    }

    @Test func `a connection that nobody holds any more is closed`() async throws {
        let proxy = try await CuttingProxy.start()
        do {
            let client = try await proxy.connect()
            #expect(try await client.unary("/test.Echo/Unary", [1]) == [1])
            #expect(proxy.isInUse)
        }
        try await eventually("it is closed") { !proxy.isInUse }
        await proxy.server.stop()
    }

    @Test func `graceful shutdown lets calls end and takes no new ones`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let stream = await client.stream("/test.Echo/Chat")
        try await stream.send(ByteBuffer(string: "before"))
        var messages = stream.messages
        _ = try await messages.next()
        try await server.shutdownGracefully()
        try await eventually("the client hears of it") { !client.isOpen }
        let error = await failure { try await client.unary("/test.Echo/Unary", [1]) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("127.0.0.1:\(server.port)") == true)
        try await stream.send(ByteBuffer(string: "after"))
        #expect(try await messages.next().map { String(buffer: $0) } == "after")
        stream.finish()
        #expect(try await messages.next() == nil)
        // New connections are another matter.
        let second = try await server.connect()
        #expect(try await second.unary("/test.Echo/Unary", [2]) == [2])
        await second.close()
        await server.stop()
    }

    @Test func `a lost connection ends all its calls with address and cause`() async throws {
        let proxy = try await CuttingProxy.start()
        let server = proxy.server
        let client = try await proxy.connect()
        let calls = (0..<10).map { _ in
            Task { await failure { try await client.unary("/test.Echo/Never", [1]) } }
        }
        try await eventually("the calls arrive") { server.notes.seen.calls == 10 }
        try await proxy.cut()
        for call in calls {
            let status = await call.value
            #expect(status?.code == .unavailable)
            #expect(status?.message.contains("127.0.0.1:\(proxy.port): ") == true)
        }
        #expect(!client.isOpen)
        let again = try await server.connect()
        #expect(try await again.unary("/test.Echo/Unary", [2]) == [2])
        try await eventually("the server hears of it") { server.notes.seen.cancelled == 10 }
        await again.close()
        await server.stop()
    }
}
