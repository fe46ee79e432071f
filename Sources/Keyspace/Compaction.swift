/// A compaction under way: its rows are deleted slice by slice, in key order.
///
/// Reads below its revision fail from the moment it is applied; the slices only free space, and
/// each member may take its own time. If they are interrupted, the mark `scheduledCompactRev`
/// makes the next start begin again.
struct Compaction {
    let revision: Int64
    /// The batch with the mark: nothing is deleted before that is durable. 0 if it is.
    let scheduledIn: UInt64
    /// The key to go on from.
    var next: [UInt8] = []

    init(revision: Int64, scheduledIn: UInt64) {
        self.revision = revision
        self.scheduledIn = scheduledIn
    }
}

/// What a step of a compaction did.
package enum CompactionProgress: Hashable, Sendable {
    /// There is nothing to compact.
    case idle
    /// What is pending, be it the mark or many deletions, must be committed first: seal a batch
    /// and report it.
    case waiting
    /// There is more to do.
    case working
    /// Everything of this revision is deleted, once the open batch is committed.
    case finished(Int64)
}

extension Keyspace {
    /// Deletions in the open batch above which compaction waits: it finds them much faster than
    /// any disk takes them, and what is pending counts against the puts of clients.
    private static let mostOpenDeletions = 10_000

    /// Does a bounded part of the compaction that was ordered, for the owner to call while it has
    /// nothing better to do.
    package func compactStep() -> CompactionProgress {
        guard var work = compaction else { return .idle }
        guard hashesDue.isEmpty, pending.committedNumber >= work.scheduledIn,
            pending.open.deletions.count < Keyspace.mostOpenDeletions
        else { return .waiting }
        let slice = index.compact(at: work.revision, from: work.next, limit: compactionBatchLimit)
        pending.delete(slice.dead)
        if let next = slice.next {
            work.next = next
            compaction = work
            return .working
        }
        compaction = nil
        finishedCompactRevision = work.revision
        write(.meta, MetaKey.finishedCompaction, RecordKey(Revision(main: work.revision)).bytes)
        return .finished(work.revision)
    }

    /// Orders a compaction. One that is under way is taken over.
    func schedule(compactionAt revision: Int64) throws(EtcdError) {
        guard revision > compactRevision else { throw .compacted }
        guard revision <= self.revision else { throw .futureRev }
        if hashesCompactions { hashesDue.append((revision, compactRevision)) }
        compactRevision = revision
        write(.meta, MetaKey.scheduledCompaction, RecordKey(Revision(main: revision)).bytes)
        compaction = Compaction(revision: revision, scheduledIn: pending.open.number)
    }
}
