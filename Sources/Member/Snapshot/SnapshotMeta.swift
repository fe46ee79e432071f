import Keyspace
import Raft
import Storage

/// The rows of the `meta` bucket as they pass by: they say what the snapshot is of.
struct SnapshotMeta {
    /// All rows in order.
    private(set) var rows: [(key: [UInt8], value: [UInt8])] = []
    private var byteCount = 0

    /// Much more than there ever is.
    private static let bytesMax = 1 << 20

    /// False when there are too many.
    mutating func add(_ key: [UInt8], _ value: [UInt8]) -> Bool {
        rows.append((key: key, value: value))
        byteCount += key.count + value.count + 64
        return byteCount <= Self.bytesMax
    }

    /// What they say, together with what was counted in the `key` bucket.
    func summary(
        size: Int64,
        lastRow: RecordKey?,
        versionCount: Int,
        ignoredBuckets: [String]
    ) throws(SnapshotError) -> SnapshotSummary {
        let scheduled = try mark(MetaKey.scheduledCompaction)
        let finished = try mark(MetaKey.finishedCompaction)
        return SnapshotSummary(
            size: size,
            consistentIndex: LogIndex(rawValue: try number(MetaKey.consistentIndex)),
            term: Term(rawValue: try number(MetaKey.term)),
            confState: try confState(),
            revision: max(1, lastRow?.revision.main ?? 1, scheduled, finished),
            lastRow: lastRow,
            versionCount: versionCount,
            ignoredBuckets: ignoredBuckets
        )
    }

    private func value(_ key: [UInt8]) -> [UInt8]? {
        rows.first { $0.key == key }?.value
    }

    private func number(_ key: [UInt8]) throws(SnapshotError) -> UInt64 {
        guard let value = value(key) else { return 0 }
        guard value.count == 8 else { throw bad(key, "\(value.count) bytes, not 8") }
        return value.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func mark(_ key: [UInt8]) throws(SnapshotError) -> Int64 {
        guard let value = value(key) else { return 0 }
        guard let mark = RecordKey(value.span) else { throw bad(key, "not a revision") }
        return mark.revision.main
    }

    private func confState() throws(SnapshotError) -> ConfState? {
        guard let value = value(MetaKey.confState) else { return nil }
        do {
            return try ConfState(json: value)
        } catch {
            throw bad(MetaKey.confState, error.description)
        }
    }

    private func bad(_ key: [UInt8], _ reason: String) -> SnapshotError {
        .badMeta(key: String(decoding: key, as: UTF8.self), reason: reason)
    }
}

extension [UInt8] {
    init(copying bytes: Span<UInt8>) {
        self = bytes.indices.map { bytes[$0] }
    }
}
