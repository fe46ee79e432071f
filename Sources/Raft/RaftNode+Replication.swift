/// Peers are given by their position in the tracker.
extension RaftNode {
    /// Sends everybody what is missing there, at least the commit index.
    mutating func broadcastAppend() {
        for peer in tracker.progress.indices where tracker.progress[peer].id != id {
            sendAppend(to: peer)
        }
    }

    /// Sends the next entries if the peer can take any; true when a message has been made. An
    /// empty append tells the commit index and lets a probe go on.
    @discardableResult
    mutating func sendAppend(to peer: Int, evenIfEmpty: Bool = true) -> Bool {
        if tracker.progress[peer].isPaused { return false }
        let previous = tracker.progress[peer].next - 1
        guard let previousTerm = log.term(at: previous) else { return sendSnapshot(to: peer) }

        // Nothing but a probe goes through a full window.
        var entries: [Entry] = []
        if tracker.progress[peer].state != .replicate || !tracker.progress[peer].inflights.isFull {
            guard
                let next = log.entries(from: previous + 1, maxSize: configuration.maxSizePerMessage)
            else { return sendSnapshot(to: peer) }
            entries = next
        }
        if entries.isEmpty, !evenIfEmpty { return false }
        tracker.progress[peer].sentEntries(entries.count, bytes: entries.payloadSize)
        tracker.progress[peer].sentCommit(log.committed)
        send(
            Message(
                kind: .append,
                to: tracker.progress[peer].id,
                logTerm: previousTerm,
                index: previous,
                entries: entries,
                commit: log.committed
            )
        )
        return true
    }

    /// For a peer that needs entries which are compacted away.
    private mutating func sendSnapshot(to peer: Int) -> Bool {
        // A snapshot is too much to send to a node that may be down.
        guard tracker.progress[peer].recentActive, let snapshot = log.snapshot else {
            return false
        }
        tracker.progress[peer].becomeSnapshot(at: snapshot.index)
        send(Message(kind: .snapshot, to: tracker.progress[peer].id, snapshot: snapshot))
        return true
    }

    /// Reads that wait for a confirmation ride along.
    mutating func broadcastHeartbeat() {
        broadcastHeartbeat(context: readOnly.newestContext)
    }

    mutating func broadcastHeartbeat(context: [UInt8]) {
        for peer in tracker.progress.indices where tracker.progress[peer].id != id {
            // What the peer is not known to have must not be committed there: it could be other
            // entries.
            let commit = min(tracker.progress[peer].match, log.committed)
            tracker.progress[peer].sentCommit(commit)
            send(
                Message(
                    kind: .heartbeat,
                    to: tracker.progress[peer].id,
                    commit: commit,
                    context: context
                )
            )
        }
    }
}
