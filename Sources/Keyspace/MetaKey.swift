/// The keys of the `meta` bucket.
package enum MetaKey {
    /// Index of the last entry whose effect is in the backend; 8 bytes, big-endian.
    package static let consistentIndex = Array("consistent_index".utf8)
    /// Term of that entry; 8 bytes, big-endian.
    package static let term = Array("term".utf8)
    /// Raft's configuration as of that entry; JSON.
    package static let confState = Array("confState".utf8)
    /// The revision to which a compaction was ordered; a revision key of 17 bytes.
    package static let scheduledCompaction = Array("scheduledCompactRev".utf8)
    /// The revision to which compaction is complete; a revision key of 17 bytes.
    package static let finishedCompaction = Array("finishedCompactRev".utf8)
    /// The schema's version, once the cluster is at 3.6.
    package static let storageVersion = Array("storageVersion".utf8)
}
