import GRPC
import NIOCore
import NIOPosix
import Synchronization

/// A server on a loopback port with a few methods to try everything on.
final class TestServer: Sendable {
    let port: Int
    let notes: Notes
    private let listener: any Channel
    private let children: NIOLoopBound<Children>

    /// What the server's methods have seen, read by the tests.
    final class Notes: Sendable {
        private let state = Mutex(Seen())

        struct Seen: Sendable {
            var calls = 0
            var cancelled = 0
            var received = 0
            var mostBuffered = 0
            var mayRead = false
            /// Messages that the test itself has sent.
            var sent = 0
        }

        var seen: Seen { state.withLock { $0 } }

        func note(_ change: @Sendable (inout Seen) -> Void) { state.withLock { change(&$0) } }
    }

    /// The handlers of open connections, on the event loop.
    private final class Children {
        var handlers: [GRPCServerHandler] = []
    }

    private init(_ listener: any Channel, _ children: NIOLoopBound<Children>, _ notes: Notes) {
        self.listener = listener
        self.children = children
        self.notes = notes
        port = listener.localAddress?.port ?? 0
    }

    /// Starts a server; `adjust` may change what it allows.
    static func start(
        _ adjust: @escaping @Sendable (inout GRPCServerConfiguration) -> Void = { _ in }
    ) async throws -> TestServer {
        let notes = Notes()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let children = try await loop.submit {
            NIOLoopBound(Children(), eventLoop: loop)
        }.get()
        let listener = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var configuration = GRPCServerConfiguration(router: TestRouter(notes: notes))
                    adjust(&configuration)
                    let handler = GRPCServerHandler(configuration: configuration)
                    children.value.handlers.append(handler)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return TestServer(listener, children, notes)
    }

    /// A client of this server.
    func connect(
        _ configuration: GRPCClientConfiguration = .init()
    ) async throws -> GRPCConnection {
        var configuration = configuration
        configuration.connectTimeout = .seconds(60)
        return try await GRPCConnection.connect(
            host: "127.0.0.1",
            port: port,
            group: MultiThreadedEventLoopGroup.singleton,
            configuration: configuration
        )
    }

    /// Asks all connections to end when their calls have.
    func shutdownGracefully() async throws {
        try await listener.eventLoop.submit {
            for handler in self.children.value.handlers { handler.shutdownGracefully() }
        }.get()
    }

    /// Octets of requests that wait in all connections for earlier answers to be taken.
    func waitingBytes() async throws -> Int {
        try await listener.eventLoop.submit {
            self.children.value.handlers.reduce(0) { $0 + $1.waitingBytes }
        }.get()
    }

    /// Accepts no more connections.
    func stop() async {
        try? await listener.close().get()
    }
}

/// The methods of the test server, by name below `/test.Echo/`.
struct TestRouter: GRPCRouter {
    let notes: TestServer.Notes

    func hasService(_ name: String) -> Bool { name == "test.Echo" }

    func method(_ path: String) -> GRPCMethod? {
        switch path {
        case "/test.Echo/Unary": .unary(echo)
        case "/test.Echo/Later": .unary(later)
        case "/test.Echo/Never": .unary(never)
        case "/test.Echo/Fail": .unary(fail)
        case "/test.Echo/Large": .unary(large)
        case "/test.Echo/Collect": .streaming(collect)
        case "/test.Echo/Expand": .streaming(expand)
        case "/test.Echo/Chat": .streaming(chat)
        case "/test.Echo/Stuck": .streaming(stuck)
        default: nil
        }
    }

    /// Answers with the request; metadata named `x-...` come back as trailers.
    private func echo(_ call: UnaryCall) {
        notes.note { $0.calls += 1 }
        var trailers = Metadata()
        for (name, value) in call.metadata where name.hasPrefix("x-") { trailers.add(name, value) }
        call.respond(call.request, trailers: trailers)
    }

    /// Answers in a later turn of the loop, after 20 ms.
    private func later(_ call: UnaryCall) {
        notes.note { $0.calls += 1 }
        let loop = MultiThreadedEventLoopGroup.currentEventLoop
        loop?.assumeIsolated().scheduleTask(in: .milliseconds(20)) { call.respond(call.request) }
    }

    private func never(_ call: UnaryCall) {
        notes.note { $0.calls += 1 }
        call.onCancel = { notes.note { $0.cancelled += 1 } }
    }

    /// Fails with the code and message of the metadata.
    private func fail(_ call: UnaryCall) {
        let code = call.metadata["x-code"].flatMap { Int($0) }.flatMap(GRPCCode.init(rawValue:))
        let message = call.metadata.binary("x-message-bin") ?? []
        let text = String(decoding: message, as: UTF8.self)
        call.fail(GRPCStatus(code: code ?? .unknown, message: text))
    }

    /// Answers with as many octets as the request, eight digits of it, says.
    private func large(_ call: UnaryCall) {
        notes.note { $0.calls += 1 }
        let count = Int(String(buffer: call.request)) ?? 0
        call.respond(ByteBuffer(repeating: 7, count: count))
    }

    /// Sums up what it gets.
    private func collect(_ stream: ServerStream) {
        let sum = Sum()
        stream.onMessage = { sum.count += $0.readableBytes }
        stream.onEnd = {
            stream.send(ByteBuffer(string: String(sum.count)))
            stream.finish(.ok)
        }
    }

    /// The first message says "COUNT SIZE": so many messages of that size come back, never more
    /// than 128 KiB of them waiting in the server.
    private func expand(_ stream: ServerStream) {
        stream.onMessage = { request in
            let numbers = String(buffer: request).split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 2 else {
                return stream.finish(GRPCStatus(.invalidArgument, "not two numbers"))
            }
            let message = ByteBuffer(repeating: 1, count: numbers[1])
            let sum = Sum()
            let pour = {
                while sum.count < numbers[0], stream.bufferedBytes < 128 * 1024 {
                    sum.count += 1
                    stream.send(message)
                    let buffered = stream.bufferedBytes
                    notes.note { $0.mostBuffered = max($0.mostBuffered, buffered) }
                }
                let sent = sum.count
                notes.note { $0.received = sent }
                if sum.count == numbers[0] { stream.finish(.ok) }
            }
            stream.onWritable = pour
            pour()
        }
    }

    /// Sends each message back at once.
    private func chat(_ stream: ServerStream) {
        stream.onCancel = { notes.note { $0.cancelled += 1 } }
        stream.sendHeaders()
        stream.onMessage = { stream.send($0) }
        stream.onEnd = { stream.finish(.ok) }
    }

    /// Reads one message, then nothing until `mayRead`, then all.
    private func stuck(_ stream: ServerStream) {
        let sum = Sum()
        stream.onMessage = { message in
            let size = message.readableBytes
            notes.note { $0.received += size }
            sum.count += size
            guard sum.count == size else { return }
            stream.pauseReading()
            let loop = MultiThreadedEventLoopGroup.currentEventLoop?.assumeIsolated()
            func look() {
                guard !stream.isCancelled else { return }
                if notes.seen.mayRead { return stream.resumeReading() }
                loop?.scheduleTask(in: .milliseconds(5)) { look() }
            }
            look()
        }
        stream.onEnd = {
            stream.send(ByteBuffer(string: String(sum.count)))
            stream.finish(.ok)
        }
    }

    private final class Sum { var count = 0 }
}
