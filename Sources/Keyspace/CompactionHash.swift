/// Checksums at compactions: all members compact at the same point of the log, and so can compare
/// what each had then, whenever that was.
///
/// Such a checksum is that of the compacted revision as it was just before: `hashKV` of it below
/// the compaction before. Rows are deleted only when the walk over the keys is done and the view
/// is open that the sum is made from.
extension Keyspace {
    /// The compaction whose checksum is due: nothing is deleted before it has begun.
    package var compactionToHash: (revision: Int64, before: Int64)? { hashesDue.first }

    /// The keys have been looked at, and a view is open.
    package func compactionHashBegan() {
        if !hashesDue.isEmpty { hashesDue.removeFirst() }
    }
}

extension HashWalk {
    /// - Parameter compaction: What `compactionToHash` said.
    package init(compaction: (revision: Int64, before: Int64)) {
        requested = compaction.revision
        revision = compaction.revision
        compacted = compaction.before
        isOfCompaction = true
        next = compaction.before < 0 ? nil : []
    }
}
