extension RaftNode {
    /// Asks for an index such that a state machine which has applied it can answer a linearizable
    /// read. The answer is a `ReadState` with the same context; there is none when no leader is
    /// known, or when the leader changes: ask again.
    package mutating func readIndex(context: [UInt8]) {
        let entry = Entry(term: .zero, index: .zero, data: context)
        let message = Message(kind: .readIndex, entries: [entry])
        switch role {
        case .leader: handleRead(message)
        case .follower where leader != .none:
            var message = message
            message.to = leader
            send(message)
        case .follower, .candidate, .preCandidate: break
        }
    }

    mutating func handleRead(_ message: Message) {
        if log.matches(term: term, at: log.committed) {
            confirmLeadership(for: message)
        } else {
            // Until an entry of this term is committed the leader does not know what is.
            pendingReads.append(message)
        }
    }

    private mutating func confirmLeadership(for message: Message) {
        // Upstream asks nobody as soon as there is one voter, even one that has committed nothing
        // yet, or a leader that was removed and left another as the only voter: both may know less
        // than was acknowledged.
        if tracker.isSingleton, tracker.configuration.voters.contains(id) {
            answer(message, at: log.committed)
            return
        }
        switch configuration.readOnly {
        case .safe:
            let context = message.entries[0].data
            readOnly.add(message, at: log.committed)
            _ = readOnly.confirm(context, by: id)
            broadcastHeartbeat(context: context)
        case .leaseBased:
            answer(message, at: log.committed)
        }
    }

    /// The first entry of the term is committed.
    mutating func releasePendingReads() {
        if pendingReads.isEmpty || !log.matches(term: term, at: log.committed) { return }
        let reads = pendingReads
        pendingReads = []
        for message in reads { confirmLeadership(for: message) }
    }

    /// A heartbeat with a read's context has been answered.
    mutating func confirmReads(_ response: Message) {
        if configuration.readOnly != .safe || response.context.isEmpty { return }
        let confirmations = readOnly.confirm(response.context, by: response.from)
        let verdict = tracker.configuration.voters.verdict { id in
            confirmations.contains(id) ? true : nil
        }
        guard verdict == .won else { return }
        for request in readOnly.release(upTo: response.context) {
            answer(request.message, at: request.index)
        }
    }

    private mutating func answer(_ request: Message, at index: LogIndex) {
        if request.from == .none || request.from == id {
            readStates.append(ReadState(index: index, context: request.entries[0].data))
            return
        }
        send(
            Message(
                kind: .readIndexResponse,
                to: request.from,
                index: index,
                entries: request.entries
            )
        )
    }
}
