package import NIOCore

/// A call with messages both ways, as a client's task sees it.
package final class ClientStream: Sendable {
    /// Octets queued in either direction before the sender waits, or the server has to.
    static let bufferLimit = 64 * 1024

    private let connection: GRPCConnection
    private let number: UInt64
    private let inbox: NIOLoopBound<ClientInbox>

    fileprivate init(_ connection: GRPCConnection, _ number: UInt64, _ inbox: ClientInbox) {
        self.connection = connection
        self.number = number
        self.inbox = NIOLoopBound(inbox, eventLoop: connection.eventLoop)
    }

    deinit {
        // Nobody can read or write the call any more.
        let (connection, number) = (connection, number)
        connection.eventLoop.execute {
            let calls = connection.loop.value
            if let call = calls.call(number) { calls.abandon(call, Cancellation.status) }
        }
    }

    /// Queues a message; waits while earlier ones have not left. Throws the status of a call that
    /// is over. Cancelling the task that waits cancels the call.
    package func send(_ message: ByteBuffer) async throws(GRPCStatus) {
        let over = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<GRPCStatus?, Never>) in
                connection.eventLoop.execute {
                    let inbox = self.inbox.value
                    if let call = self.connection.loop.value.call(self.number) {
                        self.connection.loop.value.send(message, call)
                    }
                    inbox.whenWritable { waiter.resume(returning: $0) }
                }
            }
        } onCancel: {
            self.cancel()
        }
        if let over { throw over }
    }

    /// Says that no more messages follow.
    package func finish() {
        connection.eventLoop.execute {
            let connection = self.connection.loop.value
            if let call = connection.call(self.number) { connection.endSending(call) }
        }
    }

    /// Gives the call up; its messages end with Cancelled.
    package func cancel() {
        connection.eventLoop.execute {
            let connection = self.connection.loop.value
            if let call = connection.call(self.number) {
                connection.abandon(call, Cancellation.status)
            }
        }
    }

    /// The server's messages, for one reader. They end when the call ended well, else throw its
    /// status. While the reader does not keep up, flow control stops the server.
    package var messages: Messages { Messages(stream: self) }

    fileprivate func next() async throws(GRPCStatus) -> ByteBuffer? {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: ClientInbox.Reader) in
                connection.eventLoop.execute { self.take(waiter) }
            }
        } onCancel: {
            self.cancel()
        }
        return try result.get()
    }

    private func take(_ waiter: ClientInbox.Reader) {
        let inbox = inbox.value
        inbox.take(waiter)
        if inbox.hasRoom, let call = connection.loop.value.call(number) {
            call.consumesAtOnce = true
            connection.loop.value.consumeHeld(call)
        }
    }

    /// The sequence of a stream's messages.
    package struct Messages: AsyncSequence, AsyncIteratorProtocol, Sendable {
        package typealias Element = ByteBuffer
        package typealias Failure = GRPCStatus
        fileprivate let stream: ClientStream

        package func makeAsyncIterator() -> Messages { self }

        package mutating func next() async throws(GRPCStatus) -> ByteBuffer? {
            try await stream.next()
        }

        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(GRPCStatus) -> ByteBuffer? {
            try await stream.next()
        }
    }
}

extension GRPCConnection {
    /// Opens a call with messages both ways. Failure to do so shows in its messages.
    package func stream(
        _ path: String,
        metadata: Metadata = [:],
        timeout: TimeAmount? = nil
    ) async -> ClientStream {
        let number = nextNumber()
        return await withCheckedContinuation { waiter in
            eventLoop.execute {
                let inbox = ClientInbox()
                let call = ClientCall(
                    number: number,
                    path: path,
                    metadata: metadata,
                    timeout: timeout,
                    limit: self.configuration.maxReceiveMessageSize,
                    events: inbox.events
                )
                inbox.call = call
                waiter.resume(returning: ClientStream(self, number, inbox))
                self.loop.value.start(call)
            }
        }
    }
}
