import EtcdProto
import Logging
import NIOCore
import Raft

/// What all connections to peers share.
struct PeerContext {
    let identity: PeerIdentity
    let eventLoop: any EventLoop
    let logger: Logger
    /// Takes a message that has passed the filter.
    let receive: (Message) -> Void
    /// A peer answered that this member was removed from the cluster.
    let onRemoved: (MemberID) -> Void

    /// etcd's limits for a connection that makes no progress.
    static let readTimeout = TimeAmount.seconds(5)
    static let heartbeatInterval = TimeAmount.microseconds(1_666_667)
    static let dialTimeout = TimeAmount.seconds(2)

    func log(_ message: Logger.Message, peer: MemberID, _ metadata: Logger.Metadata = [:]) {
        logger.info(
            message,
            metadata: metadata.merging(["peer": "\(peer)"]) { own, _ in own }
        )
    }
}
