import GRPC
import NIOCore
import Synchronization

/// One try to connect, for any number of callers. Each waits as long as it has time; the try goes
/// on without them, within the time that connecting may take.
final class SharedAttempt: Sendable {
    private let address: EtcdEndpoint
    private let future: EventLoopFuture<GRPCConnection>
    /// How it ended; nil while it has not.
    private let outcome = Mutex<Outcome?>(nil)

    private enum Outcome: Sendable {
        case made(GRPCConnection)
        case failed
    }

    init(
        _ address: EtcdEndpoint,
        group: any EventLoopGroup,
        configuration: GRPCClientConfiguration
    ) {
        self.address = address
        future = GRPCConnection.connecting(
            host: address.host,
            port: address.port,
            group: group,
            configuration: configuration
        )
        future.whenComplete { result in
            let outcome: Outcome =
                if case .success(let made) = result { .made(made) } else { .failed }
            self.outcome.withLock { $0 = outcome }
        }
    }

    /// It failed, or what it made is closed: the next caller makes another.
    var isUseless: Bool {
        switch outcome.withLock({ $0 }) {
        case nil: false
        case .failed: true
        case .made(let connection): !connection.isOpen
        }
    }

    /// The connection, once it is made. Fails with Unavailable, or with Cancelled if the task is.
    func wait(until due: NIODeadline) async throws(GRPCStatus) -> GRPCConnection {
        let promise = future.eventLoop.makePromise(of: GRPCConnection.self)
        future.cascade(to: promise)
        let start = NIODeadline.now()
        let timer = future.eventLoop.scheduleTask(deadline: due) {
            let seconds = Double((due - start).nanoseconds) / 1e9
            let reason = "timed out after \(seconds) s"
            promise.fail(
                GRPCConnectError(host: self.address.host, port: self.address.port, reason: reason)
            )
        }
        defer { timer.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(CancellationError())
            }
        } catch is CancellationError {
            throw GRPCStatus(.cancelled, "context canceled")
        } catch {
            throw GRPCStatus(.unavailable, "\(error)")
        }
    }
}
