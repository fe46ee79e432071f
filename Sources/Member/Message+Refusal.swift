import Raft

extension Message {
    /// Why a message from a peer is not given to Raft; nil when it is. Raft itself refuses what
    /// is malformed.
    var reasonToRefuse: String? {
        switch kind {
        case .storageAppend, .storageAppendResponse, .storageApply, .storageApplyResponse,
            .hup, .beat, .unreachable, .snapshotStatus, .checkQuorum, .forgetLeader:
            return "a node says this only to itself"
        case .snapshot:
            return "a snapshot comes with its rows, not as a message"
        default:
            break
        }
        if from >= .localApplyThread || from == .none { return "no sender" }
        if !responses.isEmpty { return "it carries responses" }
        // Joint consensus never reaches an etcd log: other members would die of it.
        if entries.contains(where: { $0.kind == .confChangeV2 }) { return "a joint change" }
        return nil
    }
}

extension Message {
    /// The message as this member takes it.
    ///
    /// A follower also answers what is of an older term, so that its sender learns of the term:
    /// with an acceptance of index 0. A leader of the new term takes that for the answer to its
    /// first probe, goes back to the log's beginning, and sends a whole snapshot to a follower that
    /// lacks nothing. It says only that the follower is there, as the answer to a heartbeat does.
    var asTaken: Message {
        guard kind == .appendResponse, index == .zero, !reject else { return self }
        var message = self
        message.kind = .heartbeatResponse
        return message
    }
}
