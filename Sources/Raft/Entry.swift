/// One slot of the log (`raftpb.Entry`).
package struct Entry: Hashable, Sendable {
    /// What `data` holds. Raw values are raftpb's `EntryType`.
    package enum Kind: UInt64, Hashable, Sendable {
        case normal = 0
        case confChange = 1
        case confChangeV2 = 2
    }

    package var term: Term
    package var index: LogIndex
    package var kind: Kind
    /// The command's bytes, kept untouched from proposal to apply; empty for a leader's first
    /// entry.
    package var data: [UInt8]

    package init(term: Term, index: LogIndex, kind: Kind = .normal, data: [UInt8] = []) {
        self.term = term
        self.index = index
        self.kind = kind
        self.data = data
    }
}

/// What a node must never forget (`raftpb.HardState`).
package struct HardState: Hashable, Sendable {
    package var term: Term
    package var vote: NodeID
    package var commit: LogIndex

    package init(term: Term = .zero, vote: NodeID = .none, commit: LogIndex = .zero) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }
}

/// Who takes part, in the old and, during a joint change, the new configuration
/// (`raftpb.ConfState`).
package struct ConfState: Hashable, Sendable {
    package var voters: [NodeID]
    package var learners: [NodeID]
    package var votersOutgoing: [NodeID]
    package var learnersNext: [NodeID]
    package var autoLeave: Bool

    package init(
        voters: [NodeID] = [],
        learners: [NodeID] = [],
        votersOutgoing: [NodeID] = [],
        learnersNext: [NodeID] = [],
        autoLeave: Bool = false
    ) {
        self.voters = voters
        self.learners = learners
        self.votersOutgoing = votersOutgoing
        self.learnersNext = learnersNext
        self.autoLeave = autoLeave
    }
}

/// The state up to one index, standing in for the log before it (`raftpb.Snapshot`).
package struct Snapshot: Hashable, Sendable {
    package var data: [UInt8]
    package var confState: ConfState
    package var index: LogIndex
    package var term: Term

    package init(
        data: [UInt8] = [],
        confState: ConfState = ConfState(),
        index: LogIndex = .zero,
        term: Term = .zero
    ) {
        self.data = data
        self.confState = confState
        self.index = index
        self.term = term
    }
}
