/// A member's replicated state machine: every version of every key, and the small buckets.
///
/// It is fed committed entries in log order and answers reads at any revision that is not
/// compacted. It is deterministic: it has no clock and draws no numbers, so members that applied
/// the same entries agree on every byte. One owner uses it, the member loop.
///
/// What is applied is readable at once and durable later: writes gather in an open batch, which
/// the owner seals now and then (`sealBatch`), has committed on another thread, and reports back
/// (`committed`). The index of the last entry goes with each batch, so after a crash the log is
/// replayed from there.
///
/// An entry is applied by exactly one of `apply`, `applyBucketWrites` and `skip`.
package final class Keyspace {
    let backend: any Backend
    var index: KeyIndex
    var buckets: SmallBuckets
    var pending = PendingWrites()
    var compaction: Compaction?
    /// Keys and rows that one step of a compaction looks at, at least 1.
    package var compactionBatchLimit = 1_000
    /// Whether the owner makes a checksum at each compaction; see `compactionToHash`.
    package var hashesCompactions = false
    var hashesDue: [(revision: Int64, before: Int64)] = []
    var leases: LeaseTable
    package var leaseRules = LeaseRules() {
        didSet {
            if leaseRules.minimumTTL > oldValue.minimumTTL {
                leases.raise(to: leaseRules.minimumTTL)
            }
        }
    }

    /// The revision of the last change; 1 when nothing was ever written.
    package internal(set) var revision: Int64
    /// Reads below this revision fail; -1 when nothing was ever compacted.
    package internal(set) var compactRevision: Int64
    /// The last compaction whose rows are all deleted (durably once `committed`); -1 for none.
    package internal(set) var finishedCompactRevision: Int64
    /// The log index of the last entry applied; 0 for none.
    package private(set) var consistentIndex: UInt64
    /// The term of that entry.
    package private(set) var term: UInt64
    private var sealedIndex: UInt64

    /// Rebuilds the index from the backend. Time and memory grow with the number of rows.
    package init(backend: any Backend) throws(KeyspaceError) {
        let restored = try Restoration(backend)
        self.backend = backend
        index = restored.index
        buckets = restored.buckets
        leases = restored.leases
        revision = restored.revision
        compactRevision = max(restored.scheduled, restored.finished)
        finishedCompactRevision = restored.finished
        consistentIndex = restored.consistentIndex
        sealedIndex = restored.consistentIndex
        term = restored.term
        if restored.scheduled > restored.finished {
            compaction = Compaction(revision: restored.scheduled, scheduledIn: 0)
        }
    }

    /// Counts an entry as applied.
    func advance(to index: UInt64, term: UInt64) {
        guard index > consistentIndex else {
            fatalError("entry \(index) after entry \(consistentIndex) was applied")
        }
        guard term >= self.term else {
            fatalError("entry \(index) has term \(term), after term \(self.term)")
        }
        consistentIndex = index
        self.term = term
    }

    /// An entry that changes nothing here.
    package func skip(index: UInt64, term: UInt64) {
        advance(to: index, term: term)
    }

    /// The effect of an entry on small buckets, such as that of a configuration change. A write
    /// without a value deletes.
    package func applyBucketWrites(
        _ writes: [(bucket: Bucket, key: [UInt8], value: [UInt8]?)],
        index: UInt64,
        term: UInt64
    ) {
        advance(to: index, term: term)
        for write in writes { self.write(write.bucket, write.key, write.value) }
    }

    func write(_ bucket: Bucket, _ key: [UInt8], _ value: [UInt8]?) {
        guard bucket != .key, bucket != .lease else {
            fatalError("keys and leases change only by commands")
        }
        buckets[bucket, key] = value
        pending.write(bucket, key, value)
    }

    /// The rows of a small bucket in key order; of `key` and `lease` none.
    package func bucketEntries(_ bucket: Bucket) -> [(key: [UInt8], value: [UInt8])] {
        buckets.entries(bucket)
    }

    /// The value of a key of a small bucket.
    package func bucketValue(_ bucket: Bucket, _ key: [UInt8]) -> [UInt8]? {
        buckets[bucket, key]
    }

    /// The number of keys that exist now.
    package var keyCount: Int { index.liveCount }

    // MARK: Batches

    /// About the bytes held in memory until they are committed, sealed batches among them.
    package var pendingBytes: Int { pending.byteCount }

    /// The operations gathered since the last seal.
    package var pendingOperations: Int { pending.open.operationCount }

    /// Ends the open batch, with the index and term of the last entry in it. It stays readable
    /// here until it is reported `committed`. Nil when nothing happened since the last.
    package func sealBatch() -> WriteBatch? {
        guard pendingOperations > 0 || consistentIndex != sealedIndex else { return nil }
        if consistentIndex != sealedIndex {
            write(.meta, MetaKey.consistentIndex, [UInt8](bigEndian: consistentIndex))
            write(.meta, MetaKey.term, [UInt8](bigEndian: term))
            sealedIndex = consistentIndex
        }
        return pending.seal()
    }

    /// Takes note that the backend has a batch and all before it, and lets reads go there.
    package func committed(_ number: UInt64) {
        do throws(BackendError) {
            try backend.renewReader()
        } catch {
            fatalError("cannot read what was committed: \(error)")
        }
        pending.forget(upTo: number)
    }

    /// The record of a version that the index knows. That it cannot be read means that the disk
    /// or the index is broken; no answer would be right.
    func record(_ revision: Revision) -> Record {
        var bytes = pending.record(revision)
        if bytes == nil {
            do throws(BackendError) {
                bytes = try backend.get(.key, RecordKey(revision).bytes)
            } catch {
                fatalError("cannot read revision \(revision): \(error)")
            }
        }
        guard let bytes, let record = Record(bytes) else {
            fatalError("the record of revision \(revision) is \(bytes == nil ? "lost" : "damaged")")
        }
        return record
    }
}
