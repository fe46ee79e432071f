/// What a node is in its term.
package enum Role: Hashable, Sendable {
    case follower
    /// Asks whether an election would be won, in its old term.
    case preCandidate
    case candidate
    case leader
}

extension Role: CustomStringConvertible {
    /// etcd's name, `StateLeader` and so on.
    package var description: String {
        switch self {
        case .follower: "StateFollower"
        case .preCandidate: "StatePreCandidate"
        case .candidate: "StateCandidate"
        case .leader: "StateLeader"
        }
    }
}

/// What is interesting to others but need not survive a restart.
package struct SoftState: Hashable, Sendable {
    package var leader: NodeID
    package var role: Role

    package init(leader: NodeID, role: Role) {
        self.leader = leader
        self.role = role
    }
}
