/// A look at a node, for people and metrics.
package struct Status: Sendable {
    package let id: NodeID
    package let term: Term
    package let vote: NodeID
    package let commit: LogIndex
    package let applied: LogIndex
    package let lead: NodeID
    package let role: Role
    /// Who is to lead next, while a transfer is under way.
    package let leadTransferee: NodeID
    /// Of every node of the group in order of id, the leader's own included; empty on others than
    /// the leader, who do not know.
    package let progress: [Progress]
    package let configuration: GroupConfiguration
}

/// The part of a status that costs nothing.
package struct BasicStatus: Hashable, Sendable {
    package let id: NodeID
    package let term: Term
    package let commit: LogIndex
    package let applied: LogIndex
    package let leader: NodeID
    package let role: Role
}

extension RaftNode {
    package var status: Status {
        Status(
            id: id,
            term: term,
            vote: vote,
            commit: log.committed,
            applied: log.applied,
            lead: leader,
            role: role,
            leadTransferee: leadTransferee,
            progress: role == .leader ? tracker.progress : [],
            configuration: tracker.configuration
        )
    }

    /// The index of the snapshot that was accepted and is not in place yet; nil when there is none.
    package var restoring: LogIndex? { log.unstable.snapshot?.index }

    /// The term of the entry at an index of the log, whether it is on disk or not; nil when it is
    /// compacted away or not there.
    package func logTerm(at index: LogIndex) -> Term? {
        log.term(at: index)
    }

    /// The end of the log, whether it is on disk or not.
    package var lastLogIndex: LogIndex { log.lastIndex }

    package var basicStatus: BasicStatus {
        BasicStatus(
            id: id,
            term: term,
            commit: log.committed,
            applied: log.applied,
            leader: leader,
            role: role
        )
    }
}
