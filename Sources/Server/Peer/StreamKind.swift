package import Raft

/// The two streams on which a member reads from each of its peers.
package enum StreamKind: String, Sendable, CaseIterable {
    /// Everything that is neither an append nor a snapshot.
    case message
    /// Appends from the leader, in a form that leaves out what the previous one implies.
    case msgApp = "msgapp"

    /// Where a peer serves it; the dialling member's id follows.
    package var path: String { "/raft/stream/\(rawValue)" }
}

extension Message {
    /// The message that keeps a silent stream alive; it never reaches Raft.
    package static let linkHeartbeat = Message(kind: .heartbeat)

    package var isLinkHeartbeat: Bool {
        kind == .heartbeat && from == .none && to == .none
    }
}
