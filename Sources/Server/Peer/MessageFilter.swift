package import EtcdProto
package import Raft

/// Which messages of a peer may reach Raft. The network can send anything; some of it would be
/// taken for the member's own, some a real etcd never sends.
package enum MessageFilter {
    package static func accepts(_ message: Message, local: MemberID) -> Bool {
        // A peer that spoke in this member's name could vote and acknowledge for it.
        guard message.to.rawValue == local.rawValue, message.from != .none,
            message.from != message.to
        else { return false }
        switch message.kind {
        case .hup, .beat, .unreachable, .snapshotStatus, .checkQuorum, .forgetLeader,
            .storageAppend, .storageAppendResponse, .storageApply, .storageApplyResponse:
            return false
        case .propose:
            return !message.entries.isEmpty
        case .readIndex, .readIndexResponse:
            return message.entries.count == 1
        case .snapshot:
            return message.snapshot != nil
        default:
            return true
        }
    }
}
