import Raft

/// At most one leader in a term.
struct LeaderChecker {
    static let name = "one leader per term"
    private var leaders: [Term: NodeID] = [:]

    /// Who led the term before this, if it is news that this node leads it.
    enum News {
        case known
        case first
        case violation(Violation)
    }

    mutating func note(_ node: NodeID, leads term: Term) -> News {
        guard let other = leaders[term] else {
            leaders[term] = node
            return .first
        }
        if other == node { return .known }
        return .violation(
            Violation(Self.name, "in term \(term) both \(other) and \(node) lead")
        )
    }
}
