package import NIOCore

/// What a unary call and a stream have in common on the server.
package class ServerCall {
    /// For example `/etcdserverpb.KV/Range`.
    package final let path: String
    /// What the client sent along.
    package final let metadata: Metadata
    /// When the client stops waiting.
    package final let deadline: NIODeadline?
    /// The client has gone, has cancelled, or its deadline has passed: answers are not sent any
    /// more.
    package fileprivate(set) final var isCancelled = false
    /// Called once if the call is cancelled before it was answered.
    package final var onCancel: (() -> Void)?

    final let connection: ServerConnection
    final let id: Int32
    final var slot = 0
    final var reader: MessageReader
    final var queue = MessageQueue()
    /// The end of the answer; set once it is decided, nothing is queued after that.
    final var trailers: HeaderList?
    final var hasSentHeaders = false
    /// Octets of requests counted in the connection's `heldBytes`.
    final var heldBytes = 0
    /// What else the call counts there, as long as it lasts.
    final let ownSize: Int

    /// About what the objects of a call take, here and in the HTTP/2 session.
    private static let ownSize = 1024

    init(_ head: RequestHead, _ connection: ServerConnection, limit: Int) {
        path = head.path
        metadata = head.metadata
        ownSize = Self.ownSize + head.size
        deadline = head.deadline
        id = head.id
        reader = MessageReader(limit: limit)
        reader.encoding = head.encoding
        self.connection = connection
    }

    /// The client's address.
    package final var remoteAddress: SocketAddress? { connection.remoteAddress }

    /// It was answered to its end, or is cancelled.
    package final var isOver: Bool { isCancelled || trailers != nil }

    /// Sends the status and ends the call, with no more messages than are queued already.
    final func end(_ status: GRPCStatus, _ metadata: Metadata) {
        guard !isOver else { return }
        onCancel = nil
        connection.end(self, HeaderList.trailers(status, metadata))
    }

    final func cancel() {
        guard !isOver else { return }
        isCancelled = true
        let call = onCancel
        onCancel = nil
        letGo()
        call?()
    }

    /// Ends the call against the application's will: it is told so, the client gets the status.
    package final func abort(_ status: GRPCStatus) {
        guard !isOver else { return }
        let notify = onCancel
        end(status, [:])
        isCancelled = true
        letGo()
        notify?()
    }

    /// Nobody will use the request any more.
    func letGo() {}

    /// Data have arrived.
    func received(_ chunk: ByteBuffer) {}

    /// The client has said all.
    func receivedEnd() {}

    /// Octets have left the queue.
    func sent() {}
}
