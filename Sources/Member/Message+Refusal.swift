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
