/// How a leader makes sure that it still leads before it lets a read through.
package enum ReadOnlyMode: Hashable, Sendable {
    /// A quorum answers a heartbeat that was sent after the read came in.
    case safe
    /// The lease of the last quorum check is trusted, and with it everybody's clock. Needs
    /// `checkQuorum`.
    case leaseBased
}

/// A read that may be answered once the state machine has applied `index`.
package struct ReadState: Hashable, Sendable {
    package let index: LogIndex
    /// What the reader gave to find its read again.
    package let context: [UInt8]

    package init(index: LogIndex, context: [UInt8]) {
        self.index = index
        self.context = context
    }
}

/// The reads of a leader that wait for a quorum's confirmation, oldest first.
struct ReadOnly {
    struct Request {
        /// The `.readIndex` message that asked.
        let message: Message
        /// The commit index when it came in.
        let index: LogIndex
        fileprivate var confirmations: [NodeID] = []

        fileprivate init(message: Message, index: LogIndex) {
            self.message = message
            self.index = index
        }

        var context: [UInt8] { message.entries[0].data }
    }

    private var queue: [Request] = []

    /// The context of the newest read; confirming that one confirms all before it.
    var newestContext: [UInt8] { queue.last?.context ?? [] }

    /// A read that asks again is not queued twice.
    mutating func add(_ message: Message, at index: LogIndex) {
        let request = Request(message: message, index: index)
        if queue.contains(where: { $0.context == request.context }) { return }
        queue.append(request)
    }

    /// A node has answered the heartbeat that carried `context`; returns all that have.
    mutating func confirm(_ context: [UInt8], by id: NodeID) -> [NodeID] {
        guard let place = queue.firstIndex(where: { $0.context == context }) else { return [] }
        if !queue[place].confirmations.contains(id) { queue[place].confirmations.append(id) }
        return queue[place].confirmations
    }

    /// Takes out the read of `context` and all before it.
    mutating func release(upTo context: [UInt8]) -> [Request] {
        guard let place = queue.firstIndex(where: { $0.context == context }) else { return [] }
        defer { queue.removeSubrange(...place) }
        return Array(queue[...place])
    }

    mutating func removeAll() {
        queue = []
    }
}
