/// One membership change as etcd writes it into the log (`raftpb.ConfChange`).
package struct ConfChange: Hashable, Sendable {
    /// Raw values are raftpb's `ConfChangeType`.
    package enum Kind: UInt64, Hashable, Sendable {
        case addNode = 0
        case removeNode = 1
        case updateNode = 2
        case addLearnerNode = 3
    }

    /// The request id that wakes the proposer; 0 for bootstrap entries.
    package var id: UInt64
    package var kind: Kind
    /// `.none` makes the change a no-op when it is applied (a change that failed validation).
    package var node: NodeID
    /// The member's JSON; Raft does not look into it.
    package var context: [UInt8]

    package init(id: UInt64 = 0, kind: Kind, node: NodeID, context: [UInt8] = []) {
        self.id = id
        self.kind = kind
        self.node = node
        self.context = context
    }
}

/// Several membership changes at once (`raftpb.ConfChangeV2`); never reaches an etcd log.
package struct ConfChangeV2: Hashable, Sendable {
    /// How a change of more than one voter passes through the joint configuration. Raw values are
    /// raftpb's `ConfChangeTransition`.
    package enum Transition: UInt64, Hashable, Sendable {
        case auto = 0
        case jointImplicit = 1
        case jointExplicit = 2
    }

    /// One step of the change (`raftpb.ConfChangeSingle`).
    package struct Single: Hashable, Sendable {
        package var kind: ConfChange.Kind
        package var node: NodeID

        package init(kind: ConfChange.Kind, node: NodeID) {
            self.kind = kind
            self.node = node
        }
    }

    package var transition: Transition
    package var changes: [Single]
    package var context: [UInt8]

    package init(
        transition: Transition = .auto,
        changes: [Single] = [],
        context: [UInt8] = []
    ) {
        self.transition = transition
        self.changes = changes
        self.context = context
    }
}
