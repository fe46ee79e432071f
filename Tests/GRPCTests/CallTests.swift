import GRPC
import NIOCore
import NIOPosix
import TestKit
import Testing

/// Calls between our client and our server.
@Suite(.timeLimit(.minutes(5))) struct CallTests {
    @Test func `a unary call brings the answer back`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        #expect(
            try await client.unary("/test.Echo/Unary", Array("hello".utf8)) == Array("hello".utf8)
        )
        #expect(try await client.unary("/test.Echo/Unary", [UInt8]()) == [])
        #expect(try await client.unary("/test.Echo/Later", [1, 2]) == [1, 2])
        await client.close()
        await server.stop()
    }

    @Test(arguments: [1, 65_535, 65_536, 1_000_000, 2_097_152])
    func `messages cross the windows whole`(size: Int) async throws {
        let server = try await TestServer.start {
            $0.streamWindow = 65_535
            $0.connectionWindow = 65_535
        }
        var configuration = GRPCClientConfiguration()
        configuration.streamWindow = 65_535
        configuration.connectionWindow = 65_535
        let client = try await server.connect(configuration)
        var random = Seed(7).generator()
        let message = random.bytes(size)
        let answer = try await client.unary("/test.Echo/Unary", message)
        #expect(answer == message)
        await client.close()
        await server.stop()
    }

    @Test func `a thousand calls at once are all answered`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<1000 {
                group.addTask {
                    let bytes = Array("\(number)".utf8)
                    return try await client.unary("/test.Echo/Later", bytes) == bytes
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(answers == 1000)
        await client.close()
        await server.stop()
    }

    @Test func `the server's limit on streams makes calls wait, not fail`() async throws {
        let server = try await TestServer.start { $0.maxConcurrentStreams = 3 }
        let client = try await server.connect()
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<30 {
                group.addTask { try await client.unary("/test.Echo/Later", [1]).count }
            }
            return try await group.reduce(0, +)
        }
        #expect(answers == 30)
        await client.close()
        await server.stop()
    }

    @Test func `every code and any text of an error arrive`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        for code in GRPCCode.allCases where code != .ok {
            var metadata: Metadata = ["x-code": "\(code.rawValue)"]
            metadata.add("x-message-bin", binary: Array("100% größer\n".utf8))
            let error = await failure {
                try await client.unary("/test.Echo/Fail", [1], metadata: metadata)
            }
            #expect(error == GRPCStatus(code, "100% größer\n"))
        }
        await client.close()
        await server.stop()
    }

    @Test func `unknown paths are unimplemented, in Go's words`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let texts = [
            "/test.Echo/Nothing": "unknown method Nothing for service test.Echo",
            "/test.Other/Unary": "unknown service test.Other",
            "/nothing": "malformed method name: \"/nothing\"",
        ]
        for (path, text) in texts {
            let error = await failure { try await client.unary(path, [1]) }
            #expect(error == GRPCStatus(.unimplemented, text))
        }
        #expect(try await client.unary("/test.Echo/Unary", [9]) == [9])
        await client.close()
        await server.stop()
    }

    @Test func `a request above the limit is refused and the connection goes on`() async throws {
        let server = try await TestServer.start { $0.maxReceiveMessageSize = 1000 }
        let client = try await server.connect()
        let error = await failure {
            try await client.unary("/test.Echo/Unary", [UInt8](repeating: 1, count: 300_000))
        }
        let text = "grpc: received message larger than max (300000 vs. 1000)"
        #expect(error == GRPCStatus(.resourceExhausted, text))
        #expect(try await client.unary("/test.Echo/Unary", [9]) == [9])
        await client.close()
        await server.stop()
    }

    @Test func `a call that takes too long ends at its deadline on both sides`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let error = await failure {
            try await client.unary("/test.Echo/Never", [1], timeout: .milliseconds(60))
        }
        #expect(error?.code == .deadlineExceeded)
        try await eventually("the server hears of it") { server.notes.seen.cancelled == 1 }
        await client.close()
        await server.stop()
    }

    @Test func `a cancelled task cancels the call on the server`() async throws {
        let server = try await TestServer.start()
        let client = try await server.connect()
        let task = Task { await failure { try await client.unary("/test.Echo/Never", [1]) } }
        try await eventually("the call arrives") { server.notes.seen.calls == 1 }
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        try await eventually("the server hears of it") { server.notes.seen.cancelled == 1 }
        await client.close()
        await server.stop()
    }

    @Test func `nobody listening is said with address and cause`() async throws {
        // Nobody gets this port by chance, not even the one who connects.
        let port = try #require(freePorts(1).first)
        let error = await #expect(throws: GRPCConnectError.self) {
            try await GRPCConnection.connect(
                host: "127.0.0.1",
                port: port,
                group: MultiThreadedEventLoopGroup.singleton
            )
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("cannot connect to 127.0.0.1:\(port): "))
        #expect(text.contains("refused"))
    }

    @Test func `a server that says nothing is given up in time`() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        var configuration = GRPCClientConfiguration()
        configuration.connectTimeout = .milliseconds(150)
        let error = await #expect(throws: GRPCConnectError.self) {
            try await GRPCConnection.connect(
                host: "127.0.0.1",
                port: listener.localAddress?.port ?? 0,
                group: MultiThreadedEventLoopGroup.singleton,
                configuration: configuration
            )
        }
        #expect(error?.reason == "timed out after 0.15 s")
        try await listener.close().get()
    }
}

/// The status with which a call fails; nil if it does not.
func failure(_ call: () async throws -> some Any) async -> GRPCStatus? {
    do {
        _ = try await call()
        return nil
    } catch let error as GRPCStatus {
        return error
    } catch {
        Issue.record(error)
        return nil
    }
}
