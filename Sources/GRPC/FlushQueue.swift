package import NIOCore

/// The connections of one event loop that have something to send outside a read of their own.
///
/// They are flushed together at the end of the loop's turn. Owned by its event loop.
package final class FlushQueue {
    private let eventLoop: any EventLoop
    private var waiting: [HTTP2Connection] = []
    private var isScheduled = false

    package init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Sends what the waiting connections have.
    private func flush() {
        while !waiting.isEmpty {
            let connections = waiting
            waiting.removeAll(keepingCapacity: true)
            for connection in connections { connection.pump() }
        }
    }

    func add(_ connection: HTTP2Connection) {
        waiting.append(connection)
        guard !isScheduled else { return }
        isScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isScheduled = false
            self.flush()
        }
    }
}
