package import EtcdProto
import Keyspace
package import Raft

/// A member as it sees itself, for Maintenance.Status, health checks and headers.
package struct MemberStatus: Hashable, Sendable {
    package let memberID: MemberID
    package let clusterID: ClusterID
    /// `.none` when no leader is known.
    package let leader: MemberID
    package let term: Term
    package let role: Role
    package let isLearner: Bool
    package let committedIndex: LogIndex
    package let appliedIndex: LogIndex
    package let revision: Int64
    package let backendBytes: Int64
    package let backendBytesInUse: Int64
    package let quotaBytes: Int64?
    /// The version of the store's schema; nil as long as nothing is stored.
    package let storageVersion: ServerVersion?
    /// What etcd's `Status.errors` would list.
    package let errors: [String]
}

extension Member {
    package var status: MemberStatus {
        let raft = raft.basicStatus
        return MemberStatus(
            memberID: configuration.memberID,
            clusterID: configuration.clusterID,
            leader: raft.leader.member,
            term: raft.term,
            role: raft.role,
            isLearner: isLearner,
            committedIndex: raft.commit,
            appliedIndex: appliedIndex,
            revision: keyspace.revision,
            backendBytes: backend.sizeOnDisk,
            backendBytesInUse: backend.sizeInUse,
            quotaBytes: quota.limitBytes,
            storageVersion: storageVersion,
            errors: raft.leader == .none ? ["etcdserver: no leader"] : []
        )
    }

    /// What the record says. A store without it is of 3.5, which has introduced the term of the
    /// last entry.
    package var storageVersion: ServerVersion? {
        if let record = keyspace.bucketValue(.meta, MetaKey.storageVersion) {
            return ServerVersion(String(decoding: record, as: UTF8.self))
        }
        return keyspace.term > 0 ? ServerVersion(major: 3, minor: 5) : nil
    }

    package var memberID: MemberID { configuration.memberID }
    package var clusterID: ClusterID { configuration.clusterID }

    package var leader: MemberID { raft.basicStatus.leader.member }
    package var hasLeader: Bool { raft.basicStatus.leader != .none }
    package var isLeader: Bool { raft.basicStatus.role == .leader }
    package var term: Term { raft.basicStatus.term }
    package var committedIndex: LogIndex { raft.basicStatus.commit }

    /// The entries applied after an index, for who checks them; none when they are cut off.
    package func appliedEntries(after index: LogIndex) -> [Entry] {
        (try? log.entries(from: index + 1, to: appliedIndex + 1)) ?? []
    }

    /// The end of the log as Raft sees it, durable or not, and the term at an index of it.
    package var lastLogIndex: LogIndex { log.lastIndex }

    package func logTerm(at index: LogIndex) -> Term? {
        try? log.term(at: index)
    }

    /// Whether this member takes part without a vote.
    package var isLearner: Bool {
        membership.member(configuration.memberID)?.isLearner ?? false
    }
}
