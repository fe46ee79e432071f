/// A checksum over the keyspace in the making: first the owner lets it look at the keys, a bounded
/// number at a time, then a worker does the rest (`HashJob`).
///
/// Entries may be applied and compacted rows deleted between two steps. Only a compaction that is
/// ordered meanwhile makes it begin again.
package struct HashWalk {
    let requested: Int64
    let revision: Int64
    let compacted: Int64
    /// It looks at what a compaction that is ordered has not touched yet.
    var isOfCompaction = false
    /// The key to go on from; nil when all were seen.
    var next: [UInt8]?
    /// Versions up to the compacted revision that are valid at `revision`, and at the compacted.
    private var valid: [Revision] = []
    private var surviving: [Revision] = []
    private var isAnyValid = false

    /// - Parameter requested: The last revision to cover; 0 is the current one, and below it there
    ///   is nothing.
    package init(_ keyspace: Keyspace, at requested: Int64) throws(EtcdError) {
        if requested > 0 {
            guard requested >= keyspace.compactRevision else { throw .compacted }
            guard requested <= keyspace.revision else { throw .futureRev }
        }
        self.requested = requested
        revision = requested == 0 ? keyspace.revision : requested
        compacted = keyspace.compactRevision
        next = compacted < 0 ? nil : []
    }

    /// Looks at the next keys, at most `limit`. The job is given when all were seen: the view of
    /// the backend to run it on must be opened then, before the keyspace is used again.
    package mutating func step(
        _ keyspace: Keyspace,
        keys limit: Int
    ) throws(EtcdError) -> HashJob? {
        let isOutdated = !isOfCompaction && keyspace.compactRevision != compacted
        if isOutdated { self = try HashWalk(keyspace, at: requested) }
        if let start = next {
            next = keyspace.index.visit(from: start, limit: limit) { note($0) }
            if next != nil { return nil }
        }
        return HashJob(
            revision: revision,
            compacted: compacted,
            rows: isAnyValid ? valid : surviving,
            deleted: keyspace.pending.deletedRows,
            pending: keyspace.pending.records
        )
    }

    private mutating func note(_ history: KeyHistory) {
        if let version = history.revision(at: revision) {
            isAnyValid = true
            if version.main <= compacted { valid.append(version) }
        }
        if let version = history.revision(at: compacted) { surviving.append(version) }
    }
}
