package import GRPC
package import NIOCore
package import SwiftProtobuf

/// What is said to one etcd, ours or any other, over its client API.
///
/// It connects when first used and again when the connection has broken. It repeats nothing: a
/// mutation whose answer was lost may have happened, and only the caller knows what to do then.
package actor EtcdClient {
    /// The endpoint as it was given.
    package nonisolated let endpoint: String
    private let address: Result<EtcdEndpoint, EtcdEndpoint.Malformed>
    private let group: any EventLoopGroup
    private let configuration: GRPCClientConfiguration
    private var connection: GRPCConnection?
    private var isClosed = false
    /// The last try to connect, for all that need the connection meanwhile.
    private var attempt: SharedAttempt?

    /// How long an operation may take if the caller does not say.
    package static let defaultTimeout = TimeAmount.seconds(5)

    /// A client of an endpoint such as `http://127.0.0.1:2379`. A malformed one shows in the first
    /// operation.
    package init(
        endpoint: String,
        group: any EventLoopGroup,
        configuration: GRPCClientConfiguration = .init()
    ) {
        self.endpoint = endpoint
        self.group = group
        self.configuration = configuration
        address = Result { () throws(EtcdEndpoint.Malformed) in try EtcdEndpoint(endpoint) }
    }

    /// Ends the connection after the operations in flight; later operations fail.
    package func close() async {
        isClosed = true
        let last = connection
        connection = nil
        // What it makes is closed as soon as nobody holds it.
        attempt = nil
        await last?.close()
    }

    /// One unary method of etcd's API, for the operations that have no function of their own.
    package func call<Answer: SwiftProtobuf.Message>(
        _ operation: String,
        _ request: some SwiftProtobuf.Message,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> Answer {
        let due = NIODeadline.now() + timeout
        do throws(GRPCStatus) {
            let bytes = try encode(request)
            let connection = try await connected(by: due)
            let left = due - .now()
            guard left > .zero else { throw Self.late }
            let path = "/etcdserverpb.\(operation)"
            let answer = try await connection.unary(path, bytes, timeout: left)
            return try decode(answer)
        } catch {
            throw EtcdClientError(endpoint: endpoint, operation: operation, status: error)
        }
    }

    private static let late = GRPCStatus(.deadlineExceeded, "context deadline exceeded")

    private func encode(_ message: some SwiftProtobuf.Message) throws(GRPCStatus) -> [UInt8] {
        do {
            return try message.serializedBytes()
        } catch {
            throw GRPCStatus(.internalError, "the request cannot be encoded: \(error)")
        }
    }

    private func decode<Answer: SwiftProtobuf.Message>(
        _ bytes: [UInt8]
    ) throws(GRPCStatus) -> Answer {
        do {
            return try Answer(serializedBytes: bytes)
        } catch {
            throw GRPCStatus(.internalError, "the answer cannot be decoded: \(error)")
        }
    }

    /// The open connection, or a new one. Who finds another connecting shares that attempt, its
    /// failure too, but waits no longer than he has time.
    private func connected(by due: NIODeadline) async throws(GRPCStatus) -> GRPCConnection {
        if isClosed { throw Self.closed }
        if let connection, connection.isOpen { return connection }
        let shared = try currentAttempt()
        let made = try await shared.wait(until: due)
        guard !isClosed else { throw Self.closed }
        if attempt === shared {
            attempt = nil
            connection = made
        }
        return made
    }

    private static let closed = GRPCStatus(.cancelled, "the client was closed")

    /// The attempt under way, or one that succeeded when nobody waited any more, or a new one.
    private func currentAttempt() throws(GRPCStatus) -> SharedAttempt {
        if let attempt, !attempt.isUseless { return attempt }
        let address: EtcdEndpoint
        do {
            address = try self.address.get()
        } catch {
            throw GRPCStatus(.invalidArgument, "bad endpoint \"\(endpoint)\": \(error.reason)")
        }
        let made = SharedAttempt(address, group: group, configuration: configuration)
        attempt = made
        return made
    }
}
