import NIOCore

/// What has arrived for a `ClientStream` and who waits for it; lives on the event loop.
final class ClientInbox {
    typealias Reader = CheckedContinuation<Result<ByteBuffer?, GRPCStatus>, Never>

    weak var call: ClientCall?
    private var messages = CircularBuffer<ByteBuffer>(initialCapacity: 0)
    private var bytes = 0
    private var end: GRPCStatus?
    private var reader: Reader?
    private var writers: [(GRPCStatus?) -> Void] = []

    /// True if the server may send more.
    var hasRoom: Bool { bytes < ClientStream.bufferLimit }

    var events: ClientCall.Events {
        ClientCall.Events(
            message: { self.arrived($0) },
            sent: { self.wakeWriters() },
            finished: { status, _ in self.finished(status) }
        )
    }

    /// Answers with the next message, now or when it comes.
    func take(_ waiter: Reader) {
        if let message = messages.popFirst() {
            bytes -= message.readableBytes
            waiter.resume(returning: .success(message))
        } else if let end {
            waiter.resume(returning: end.code == .ok ? .success(nil) : .failure(end))
        } else if reader != nil {
            let text = "a stream's messages have one reader only"
            waiter.resume(returning: .failure(GRPCStatus(.internalError, text)))
        } else {
            reader = waiter
        }
    }

    /// Calls back when little is queued: with nil, or with the status of a call that is over.
    func whenWritable(_ waiter: @escaping (GRPCStatus?) -> Void) {
        if let end { return waiter(end) }
        if isWritable { waiter(nil) } else { writers.append(waiter) }
    }

    private var isWritable: Bool { (call?.queue.bytes ?? 0) < ClientStream.bufferLimit }

    private func arrived(_ message: ByteBuffer) {
        if let reader {
            self.reader = nil
            return reader.resume(returning: .success(message))
        }
        messages.append(message)
        bytes += message.readableBytes
        if !hasRoom { call?.consumesAtOnce = false }
    }

    private func wakeWriters() {
        guard !writers.isEmpty, isWritable else { return }
        let waiting = writers
        writers.removeAll()
        for waiter in waiting { waiter(nil) }
    }

    private func finished(_ status: GRPCStatus) {
        end = status
        let waiting = writers
        writers.removeAll()
        for waiter in waiting { waiter(status) }
        guard messages.isEmpty, let reader else { return }
        self.reader = nil
        reader.resume(returning: status.code == .ok ? .success(nil) : .failure(status))
    }
}
