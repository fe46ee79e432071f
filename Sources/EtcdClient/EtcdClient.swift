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
    private var isConnecting = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

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
            let connection = try await connected(within: timeout)
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

    /// The open connection, or a new one. Who finds another connecting waits for that.
    private func connected(within timeout: TimeAmount) async throws(GRPCStatus) -> GRPCConnection {
        while true {
            if isClosed { throw GRPCStatus(.cancelled, "the client was closed") }
            if let connection, connection.isOpen { return connection }
            guard isConnecting else { break }
            await withCheckedContinuation { waiting.append($0) }
        }
        isConnecting = true
        defer {
            isConnecting = false
            let woken = waiting
            waiting = []
            for waiter in woken { waiter.resume() }
        }
        let made = try await connect(within: timeout)
        guard !isClosed else {
            await made.close()
            throw GRPCStatus(.cancelled, "the client was closed")
        }
        connection = made
        return made
    }

    private func connect(within timeout: TimeAmount) async throws(GRPCStatus) -> GRPCConnection {
        let address: EtcdEndpoint
        do {
            address = try self.address.get()
        } catch {
            throw GRPCStatus(.invalidArgument, "bad endpoint \"\(endpoint)\": \(error.reason)")
        }
        var configuration = configuration
        configuration.connectTimeout = min(configuration.connectTimeout, timeout)
        do {
            return try await GRPCConnection.connect(
                host: address.host,
                port: address.port,
                group: group,
                configuration: configuration
            )
        } catch {
            throw GRPCStatus(.unavailable, "\(error)")
        }
    }
}
