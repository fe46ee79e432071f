import GRPC
import NIOCore
import NIOPosix
import TestKit
import Testing

/// How connections begin and end on the server.
@Suite(.timeLimit(.minutes(5))) struct ServerLifeTests {
    @Test func `a client that answers no pings is cut off`() async throws {
        let server = try await TestServer.start {
            $0.keepalive.time = .milliseconds(50)
            $0.keepalive.timeout = .milliseconds(50)
        }
        let silent = try await RawClient.connect(server.port)
        try await silent.send(Frames.preface + Frames.settings())
        try await eventually("it is closed") { silent.isClosed }
        #expect(silent.frames.contains { $0.type == 6 })
        await server.stop()
    }

    @Test func `a client that answers pings stays`() async throws {
        let server = try await TestServer.start {
            $0.keepalive.time = .milliseconds(20)
            $0.keepalive.timeout = .seconds(10)
        }
        let client = try await server.connect()
        try await Task.sleep(for: .milliseconds(200))
        #expect(client.isOpen)
        #expect(try await client.unary("/test.Echo/Unary", [1]) == [1])
        await client.close()
        await server.stop()
    }

    @Test func `a client that does not finish the handshake is cut off`() async throws {
        let server = try await TestServer.start {
            $0.keepalive.handshakeTimeout = .milliseconds(50)
        }
        let slow = try await RawClient.connect(server.port)
        try await slow.send(Array(Frames.preface.prefix(10)))
        try await eventually("it is closed") { slow.isClosed }
        await server.stop()
    }

    @Test func `large answers leave whole though the client says nothing more`() async throws {
        let server = try await TestServer.start()
        let silent = try await RawClient.connect(server.port)
        // Room for all of them, so that no window update wakes the server.
        let room = Frames.big(1 << 30)
        let settings = Frames.frame(4, 0, 0, [0, 4] + room)
        try await silent.send(Frames.preface + settings + Frames.frame(8, 0, 0, room))
        for round in 1...60 {
            // The system's buffers grow with time, until they take at once what fills the channel.
            let id = UInt32(2 * round - 1)
            try await silent.send(
                Frames.call("/test.Echo/Large", id: id, Array("00300000".utf8))
            )
            try await eventually("answer \(round) has come") {
                silent.frames.last { $0.type == 1 }.map { $0.stream == id && $0.flags & 1 != 0 }
                    == true
            }
        }
        let data = silent.frames.filter { $0.type == 0 }.map(\.payload.count).reduce(0, +)
        #expect(data == 60 * 300_005)
        await silent.close()
        await server.stop()
    }

    @Test func `an idle connection is closed by a graceful shutdown`() async throws {
        let server = try await TestServer.start()
        let raw = try await RawClient.connect(server.port)
        try await raw.send(Frames.preface + Frames.settings() + Frames.ping)
        try await eventually("it is up") { raw.hasPingAck }
        try await server.shutdownGracefully()
        try await eventually("it is told") { raw.frames.contains { $0.type == 7 } }
        try await raw.send(Frames.frame(6, 1, 0, [UInt8](repeating: 0, count: 8)))
        try await eventually("it is closed") { raw.isClosed }
        #expect(raw.goawayCode == 0)
        await server.stop()
    }

    @Test func `a client that vanished in a shutdown is found all the same`() async throws {
        let server = try await TestServer.start {
            $0.keepalive.time = .milliseconds(50)
            $0.keepalive.timeout = .milliseconds(50)
            $0.keepalive.shutdownGrace = .milliseconds(10)
        }
        let silent = try await RawClient.connect(server.port)
        let call = Frames.headers(1, Frames.request("/test.Echo/Never"))
        let message = Frames.frame(0, 1, 1, [0, 0, 0, 0, 0])
        try await silent.send(Frames.preface + Frames.settings() + call + message)
        try await eventually("the call has begun") { server.notes.seen.calls == 1 }
        try await server.shutdownGracefully()
        try await eventually("the call is given up") { server.notes.seen.cancelled == 1 }
        #expect(silent.frames.filter { $0.type == 7 }.count == 2)
        await silent.close()
        await server.stop()
    }

    @Test func `octets read before the handler was there are not lost`() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Sniffer())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try await GRPCConnection.connect(
            host: "127.0.0.1",
            port: listener.localAddress?.port ?? 0,
            group: MultiThreadedEventLoopGroup.singleton
        )
        #expect(try await client.unary("/test.Echo/Unary", [6]) == [6])
        await client.close()
        try await listener.close().get()
    }

    /// Looks at the first octets, then makes way for the gRPC handler.
    private final class Sniffer: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let first = unwrapInboundIn(data)
            let router = TestRouter(notes: TestServer.Notes())
            let handler = GRPCServerHandler(configuration: GRPCServerConfiguration(router: router))
            do {
                try context.pipeline.syncOperations.addHandler(handler)
                context.fireChannelRead(wrapInboundOut(first))
                context.fireChannelReadComplete()
                context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
            } catch {
                Issue.record(error)
            }
        }
    }
}
