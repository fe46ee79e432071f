package import Keyspace
package import Raft

/// What a snapshot file holds, as found in the rows that went into it or came out of it.
package struct SnapshotSummary: Hashable, Sendable {
    /// The bytes of the database, a multiple of its page size.
    package let size: Int64
    /// The last entry whose effect is in it.
    package let consistentIndex: LogIndex
    /// The term of that entry; 0 in files of etcd before 3.5.
    package let term: Term
    /// Raft's configuration as of that entry; nil in files of etcd before 3.5.
    package let confState: ConfState?
    package let revision: Int64
    /// The last row of the `key` bucket; nil when it has none.
    package let lastRow: RecordKey?
    /// Rows of the `key` bucket: versions of keys, not keys.
    package let versionCount: Int
    /// Buckets that no etcd has, which loading left out.
    package let ignoredBuckets: [String]
}

extension SnapshotSummary {
    /// What Raft says about the file.
    package func snapshot(data: [UInt8]) -> Snapshot {
        Snapshot(
            data: data,
            confState: confState ?? ConfState(),
            index: consistentIndex,
            term: term
        )
    }
}
