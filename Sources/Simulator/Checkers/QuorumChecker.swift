import Raft

/// A leader commits only what a quorum has on disk: more than half of the voters, and in a joint
/// configuration more than half of either set. Learners do not count. And what it commits ends with
/// an entry of its own term, for anything else could still be replaced.
enum QuorumChecker {
    static let name = "quorum has what is committed"

    /// - Parameters:
    ///   - configuration: as the leader that has just committed `index` knows it.
    ///   - has: whether a node has the entry on its disk.
    static func check(
        leader: NodeID,
        term: Term,
        index: LogIndex,
        entryTerm: Term?,
        _ configuration: GroupConfiguration,
        has: (NodeID) -> Bool
    ) -> Violation? {
        if let entryTerm, entryTerm != term {
            return Violation(
                name,
                "\(leader) leads term \(term) and commits \(index) of term \(entryTerm)"
            )
        }
        for half in [configuration.voters.incoming, configuration.voters.outgoing]
        where !half.isEmpty {
            let holders = half.ids.filter(has)
            if holders.count <= half.ids.count / 2 {
                return Violation(
                    name,
                    "\(leader) commits \(index) in term \(term) under \(configuration);"
                        + " of \(half) only \(holders.map(\.description)) have it on disk"
                )
            }
        }
        return nil
    }
}
