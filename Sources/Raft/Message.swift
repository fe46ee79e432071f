/// What one node says to another, or to its own storage threads (`raftpb.Message`).
package struct Message: Hashable, Sendable {
    /// Raw values are raftpb's `MessageType`.
    package enum Kind: UInt64, Hashable, Sendable, CaseIterable {
        case hup = 0
        case beat = 1
        case propose = 2
        case append = 3
        case appendResponse = 4
        case vote = 5
        case voteResponse = 6
        case snapshot = 7
        case heartbeat = 8
        case heartbeatResponse = 9
        case unreachable = 10
        case snapshotStatus = 11
        case checkQuorum = 12
        case transferLeader = 13
        case timeoutNow = 14
        case readIndex = 15
        case readIndexResponse = 16
        case preVote = 17
        case preVoteResponse = 18
        case storageAppend = 19
        case storageAppendResponse = 20
        case storageApply = 21
        case storageApplyResponse = 22
        case forgetLeader = 23
    }

    package var kind: Kind
    package var to: NodeID
    package var from: NodeID
    package var term: Term
    package var logTerm: Term
    package var index: LogIndex
    package var entries: [Entry]
    package var commit: LogIndex
    package var vote: NodeID
    package var snapshot: Snapshot?
    package var reject: Bool
    package var rejectHint: LogIndex
    package var context: [UInt8]
    package var responses: [Message]

    package init(
        kind: Kind,
        to: NodeID = .none,
        from: NodeID = .none,
        term: Term = .zero,
        logTerm: Term = .zero,
        index: LogIndex = .zero,
        entries: [Entry] = [],
        commit: LogIndex = .zero,
        vote: NodeID = .none,
        snapshot: Snapshot? = nil,
        reject: Bool = false,
        rejectHint: LogIndex = .zero,
        context: [UInt8] = [],
        responses: [Message] = []
    ) {
        self.kind = kind
        self.to = to
        self.from = from
        self.term = term
        self.logTerm = logTerm
        self.index = index
        self.entries = entries
        self.commit = commit
        self.vote = vote
        self.snapshot = snapshot
        self.reject = reject
        self.rejectHint = rejectHint
        self.context = context
        self.responses = responses
    }
}
