package import NIOCore
import NIOPosix
import Synchronization

/// A client's connection to one server: calls of any number at once, from any task.
///
/// It does not reconnect. When it breaks, all its calls end with Unavailable and a message that
/// names the server and the cause; calls after that do so at once.
package final class GRPCConnection: Sendable {
    package let host: String
    package let port: Int
    let eventLoop: any EventLoop
    let loop: NIOLoopBound<ClientConnection>
    let configuration: GRPCClientConfiguration
    private let channel: any Channel
    private let accepting: Mutex<Bool>
    private let numbers = Atomic<UInt64>(0)

    private init(_ channel: any Channel, _ connection: ClientConnection, _ attempt: ConnectAttempt)
    {
        host = attempt.host
        port = attempt.port
        configuration = attempt.configuration
        eventLoop = channel.eventLoop
        loop = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        self.channel = channel
        accepting = Mutex(true)
    }

    deinit {
        // Nobody can use the connection any more; each call in flight would hold it.
        let loop = loop
        eventLoop.execute { loop.value.shutdownGracefully() }
    }

    /// Connects to a server that speaks HTTP/2 without TLS, and waits for its greeting.
    package static func connect(
        host: String,
        port: Int,
        group: any EventLoopGroup,
        configuration: GRPCClientConfiguration = .init()
    ) async throws(GRPCConnectError) -> GRPCConnection {
        let attempt = connecting(
            host: host,
            port: port,
            group: group,
            configuration: configuration
        )
        do {
            return try await attempt.get()
        } catch let error as GRPCConnectError {
            throw error
        } catch {
            throw GRPCConnectError(host: host, port: port, reason: "\(error)")
        }
    }

    /// The same for several that wait, each as long as it likes. Fails with a `GRPCConnectError`.
    package static func connecting(
        host: String,
        port: Int,
        group: any EventLoopGroup,
        configuration: GRPCClientConfiguration = .init()
    ) -> EventLoopFuture<GRPCConnection> {
        let attempt = ConnectAttempt(
            host: host,
            port: port,
            configuration: configuration,
            loop: group.next()
        )
        return attempt.connect { GRPCConnection($0, $1, attempt) }.flatMapErrorThrowing { error in
            throw GRPCConnectError(host: host, port: port, reason: attempt.reason(error))
        }
    }

    /// False once the connection is broken, closed, or told by the server to be.
    package var isOpen: Bool { accepting.withLock { $0 } }

    /// Lets the calls in flight end, then closes; returns when that is done.
    package func close() async {
        eventLoop.execute { self.loop.value.shutdownGracefully() }
        try? await channel.closeFuture.get()
    }

    func stopAccepting() { accepting.withLock { $0 = false } }

    /// A number for a call, unique on the connection.
    func nextNumber() -> UInt64 { numbers.wrappingAdd(1, ordering: .relaxed).newValue }
}

// MARK: - Unary calls

extension GRPCConnection {
    /// Sends one request and waits for its answer. Cancelling the task cancels the call.
    package func unary(
        _ path: String,
        _ request: [UInt8],
        metadata: Metadata = [:],
        timeout: TimeAmount? = nil
    ) async throws(GRPCStatus) -> [UInt8] {
        let answer = try await unary(
            path,
            ByteBuffer(bytes: request),
            metadata: metadata,
            timeout: timeout
        )
        return Array(answer.readableBytesView)
    }

    /// Sends one request and waits for its answer. Cancelling the task cancels the call.
    package func unary(
        _ path: String,
        _ request: ByteBuffer,
        metadata: Metadata = [:],
        timeout: TimeAmount? = nil
    ) async throws(GRPCStatus) -> ByteBuffer {
        let number = nextNumber()
        let cancellation = Cancellation()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                eventLoop.execute {
                    let call = self.unaryCall(number, path, metadata, timeout, waiter)
                    self.start(call, request, cancellation)
                }
            }
        } onCancel: {
            self.cancel(number, cancellation)
        }
        return try result.get()
    }

    private typealias Waiter = CheckedContinuation<Result<ByteBuffer, GRPCStatus>, Never>

    private func unaryCall(
        _ number: UInt64,
        _ path: String,
        _ metadata: Metadata,
        _ timeout: TimeAmount?,
        _ waiter: Waiter
    ) -> ClientCall {
        var answer: ByteBuffer?
        var isSecond = false
        return ClientCall(
            number: number,
            path: path,
            metadata: metadata,
            timeout: timeout,
            limit: configuration.maxReceiveMessageSize,
            events: ClientCall.Events(
                message: { message in
                    isSecond = answer != nil
                    answer = message
                },
                sent: {},
                finished: { status, _ in
                    guard status.code == .ok else {
                        return waiter.resume(returning: .failure(status))
                    }
                    guard let answer, !isSecond else {
                        let text = "the server did not send exactly one answer"
                        let wrong = GRPCStatus(.internalError, text)
                        return waiter.resume(returning: .failure(wrong))
                    }
                    waiter.resume(returning: .success(answer))
                }
            )
        )
    }

    private func start(_ call: ClientCall, _ request: ByteBuffer, _ cancellation: Cancellation) {
        guard !cancellation.isCancelled else { return call.finish(Cancellation.status) }
        let connection = loop.value
        call.queue.append(request)
        call.hasEnded = true
        connection.start(call)
    }

    func cancel(_ number: UInt64, _ cancellation: Cancellation) {
        cancellation.cancel()
        eventLoop.execute {
            let connection = self.loop.value
            if let call = connection.call(number) {
                connection.abandon(call, Cancellation.status)
            }
        }
    }
}

/// Remembers that a call was cancelled, for the case that this happens before it starts.
final class Cancellation: Sendable {
    static let status = GRPCStatus(.cancelled, "context canceled")
    private let flag = Atomic<Bool>(false)

    var isCancelled: Bool { flag.load(ordering: .acquiring) }

    func cancel() { flag.store(true, ordering: .releasing) }
}
