package import GRPC

/// What an etcd answered, or why there was no answer.
package struct EtcdClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The endpoint as it was given.
    package let endpoint: String
    /// The method, for example `KV/Put`.
    package let operation: String
    /// etcd's own text and code; Unavailable if it could not be reached.
    package let status: GRPCStatus

    package init(endpoint: String, operation: String, status: GRPCStatus) {
        self.endpoint = endpoint
        self.operation = operation
        self.status = status
    }

    package var description: String { "\(operation) at \(endpoint): \(status)" }
}
