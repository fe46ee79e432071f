package import NIOCore

/// A call with one request and one answer. It may be answered later, on the same event loop; a
/// second answer is ignored, as is one that comes after cancellation or after the deadline.
package final class UnaryCall: ServerCall {
    /// The request's message, without gRPC's prefix.
    package private(set) var request = ByteBuffer()
    private var hasRequest = false
    /// The request is whole, but the client must take earlier answers first.
    var isWaiting = false
    private let handler: (UnaryCall) -> Void

    init(
        _ head: RequestHead,
        _ connection: ServerConnection,
        _ handler: @escaping (UnaryCall) -> Void
    ) {
        self.handler = handler
        super.init(head, connection, limit: connection.configuration.maxReceiveMessageSize)
    }

    /// Answers with a message and status OK.
    package func respond(_ message: ByteBuffer, trailers: Metadata = [:]) {
        guard !isOver else { return }
        onCancel = nil
        connection.enqueue(message, self)
        let end =
            trailers.isEmpty
            ? HeaderList.okTrailers : HeaderList.trailers(.ok, trailers)
        connection.end(self, end)
    }

    /// Answers with an error.
    package func fail(_ status: GRPCStatus) {
        end(status, [:])
    }

    override func received(_ chunk: ByteBuffer) {
        connection.consume(id, chunk.readableBytes)
        guard !isOver else { return }
        var chunk = chunk
        do throws(GRPCStatus) {
            while let message = try reader.next(&chunk) {
                guard !hasRequest else {
                    throw GRPCStatus(.internalError, "grpc: more than one request message")
                }
                hasRequest = true
                request = message
            }
            let held = reader.heldBytes + request.readableBytes
            guard connection.hold(held - heldBytes) else { throw ServerConnection.heldTooMuch }
            heldBytes = held
        } catch {
            fail(error)
        }
    }

    override func receivedEnd() {
        guard !isOver else { return }
        guard hasRequest, reader.isAtBoundary else {
            return fail(GRPCStatus(.internalError, "grpc: the request ended before its message"))
        }
        connection.dispatch(self)
    }

    override func letGo() {
        request = ByteBuffer()
        reader = MessageReader(limit: 0)
        connection.release(heldBytes)
        heldBytes = 0
        if isWaiting {
            isWaiting = false
            connection.stopsWaiting()
        }
    }

    /// Hands the call to the application.
    func run() {
        isWaiting = false
        guard !isOver else { return }
        connection.release(heldBytes)
        heldBytes = 0
        handler(self)
    }
}
