package import NIOCore

/// A call with messages both ways. Callbacks come on the event loop of the connection, and what is
/// sent must be sent there.
package final class ServerStream: ServerCall {
    /// A message of the client. Messages that arrive before this is set wait for it.
    package var onMessage: ((ByteBuffer) -> Void)? {
        didSet { deliver() }
    }
    /// The client will send no more messages.
    package var onEnd: (() -> Void)? {
        didSet { deliver() }
    }
    /// The queue has become shorter: the application may send more if `bufferedBytes` is low
    /// enough.
    package var onWritable: (() -> Void)?

    /// Octets that wait for the application, copied out of the socket's buffer.
    private var unread = ByteBuffer()
    private var hasEnded = false
    private var isPaused = false
    private var isDelivering = false

    init(_ head: RequestHead, _ connection: ServerConnection) {
        super.init(head, connection, limit: connection.configuration.maxReceiveMessageSize)
    }

    /// Octets sent by the application that have not left for the socket yet.
    package var bufferedBytes: Int { queue.bytes }

    /// Stops the flow of messages: the client may send no more than the stream's window ahead.
    package func pauseReading() { isPaused = true }

    /// Lets messages flow again, beginning with those that have waited.
    package func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        deliver()
        connection.sendSoon()
    }

    /// Sends the response's headers now, without waiting for the first message.
    package func sendHeaders() {
        guard !isOver else { return }
        connection.sendHeaders(self)
    }

    /// Queues a message. Nothing limits the queue but the application, which watches
    /// `bufferedBytes` and `onWritable`.
    package func send(_ message: ByteBuffer) {
        guard !isOver else { return }
        connection.enqueue(message, self)
        connection.resumeSending(self)
    }

    /// Ends the call once the queued messages have been sent.
    package func finish(_ status: GRPCStatus, trailers: Metadata = [:]) {
        end(status, trailers)
    }

    override func received(_ chunk: ByteBuffer) {
        guard !isOver else { return connection.consume(id, chunk.readableBytes) }
        var chunk = chunk
        if unread.readableBytes == 0 { deliver(from: &chunk) }
        guard chunk.readableBytes > 0 else { return }
        guard !isOver else { return connection.consume(id, chunk.readableBytes) }
        unread.writeBuffer(&chunk)
        settleHeldBytes()
    }

    override func receivedEnd() {
        hasEnded = true
        deliver()
    }

    override func sent() {
        guard !isOver, onWritable != nil else { return }
        connection.notifyWritable(self)
    }

    /// Hands out what has waited.
    private func deliver() {
        guard !isDelivering, !isOver else { return }
        if unread.readableBytes > 0 {
            var waiting = unread
            unread = ByteBuffer()
            deliver(from: &waiting)
            if waiting.readableBytes > 0 { unread = waiting }
            settleHeldBytes()
        }
        guard hasEnded, !isPaused, !isOver, unread.readableBytes == 0, let onEnd else { return }
        guard reader.isAtBoundary else {
            return abort(GRPCStatus(.internalError, "grpc: the stream ended within a message"))
        }
        hasEnded = false
        self.onEnd = nil
        onEnd()
    }

    /// Hands out the messages of a chunk until the application pauses.
    private func deliver(from chunk: inout ByteBuffer) {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        do throws(GRPCStatus) {
            while !isPaused, !isOver, chunk.readableBytes > 0, let onMessage {
                let before = chunk.readableBytes
                let message = try reader.next(&chunk)
                connection.consume(id, before - chunk.readableBytes)
                if let message { onMessage(message) }
            }
            settleHeldBytes()
        } catch {
            connection.consume(id, chunk.readableBytes)
            chunk.moveReaderIndex(to: chunk.writerIndex)
            abort(error)
        }
    }

    /// Counts what is kept here against what the connection may keep.
    private func settleHeldBytes() {
        let held = unread.readableBytes + reader.heldBytes
        if held > heldBytes, !connection.hold(held - heldBytes) {
            return abort(ServerConnection.heldTooMuch)
        }
        if held < heldBytes { connection.release(heldBytes - held) }
        heldBytes = held
    }
}
