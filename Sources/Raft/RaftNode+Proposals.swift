extension RaftNode {
    /// Proposes a command. That it is in the leader's log does not mean that it will be committed.
    package mutating func propose(_ data: [UInt8]) throws(ProposalDropped) {
        try propose([data])
    }

    /// Proposes commands in one batch: all of them or none. Nothing happens for none.
    package mutating func propose(_ datas: [[UInt8]]) throws(ProposalDropped) {
        if datas.isEmpty { return }
        try propose(datas.map { Entry(term: .zero, index: .zero, data: $0) })
    }

    /// Proposes a change of the configuration in the form that etcd's log holds. One that is not
    /// possible now becomes an empty entry.
    package mutating func propose(_ change: ConfChange) throws(ProposalDropped) {
        let data = change.encoded()
        try propose([Entry(term: .zero, index: .zero, kind: .confChange, data: data)])
    }

    package mutating func propose(_ change: ConfChangeV2) throws(ProposalDropped) {
        let data = change.encoded()
        try propose([Entry(term: .zero, index: .zero, kind: .confChangeV2, data: data)])
    }

    private mutating func propose(_ entries: [Entry]) throws(ProposalDropped) {
        if role == .leader {
            try append(proposals: entries)
        } else {
            try handle(Message(kind: .propose, from: id, entries: entries))
        }
    }

    /// As a leader, appends what was proposed here or passed on by a follower.
    mutating func append(proposals: [Entry]) throws(ProposalDropped) {
        invariant(role == .leader && !proposals.isEmpty, "\(role) appends proposals")
        if tracker.position(of: id) == nil { throw .notMember }
        if leadTransferee != .none { throw .transferringLeadership }
        var entries = proposals
        for place in entries.indices where entries[place].kind != .normal {
            if mayEnterLog(entries[place]) {
                pendingConfIndex = log.lastIndex + UInt64(place + 1)
            } else {
                // An empty entry in its place keeps the others where they are.
                entries[place] = Entry(term: .zero, index: .zero)
            }
        }
        if !append(entries) { throw .uncommittedSizeExceeded }
        broadcastAppend()
    }

    /// Whether a configuration change fits the configuration: one at a time, and a joint one is
    /// left before it is changed.
    private func mayEnterLog(_ entry: Entry) -> Bool {
        if configuration.disableConfChangeValidation { return true }
        guard let change = entry.confChange else {
            fatalError("a configuration change cannot be read")
        }
        let isPending = pendingConfIndex > log.applied
        return !isPending && tracker.configuration.voters.isJoint == change.changes.isEmpty
    }

    /// Gives entries their places at the end of the own log. False when there is too much that is
    /// not applied; empty entries are always let in.
    mutating func append(_ entries: consuming [Entry]) -> Bool {
        let size = entries.payloadSize
        let total = uncommittedSize + size
        if uncommittedSize > 0, size > 0, total > configuration.maxUncommittedSize { return false }
        uncommittedSize = total
        var next = log.lastIndex
        for place in entries.indices {
            next = next + 1
            entries[place].term = term
            entries[place].index = next
        }
        log.append(entries)
        // The leader's own acknowledgement, which counts when the entries are on its disk.
        send(Message(kind: .appendResponse, to: id, index: next))
        return true
    }
}
