/// Judges the rows of the `key` bucket as they come in order.
package struct RecordRows {
    private(set) var previous: RecordKey?

    package init() {}

    /// The last row's revision; nil before the first.
    package var lastRevision: Revision? { previous?.revision }

    /// Why a keyspace would not open on a bucket with this row next; nil when it would.
    package mutating func refusal(_ key: Span<UInt8>, _ value: Span<UInt8>) -> KeyspaceError? {
        do throws(KeyspaceError) {
            _ = try check(key, value)
            return nil
        } catch {
            return error
        }
    }

    /// The row's revision and the places of its parts.
    mutating func check(
        _ key: Span<UInt8>,
        _ value: Span<UInt8>
    ) throws(KeyspaceError) -> (row: RecordKey, fields: RecordFields) {
        guard let row = RecordKey(key) else { throw corrupt(key, "not a revision") }
        if let previous, row.revision <= previous.revision {
            throw corrupt(key, "the revision \(row.revision) is there twice")
        }
        guard row.revision.sub <= KeyHistory.maximalSub else {
            throw corrupt(key, "the sub-revision is too large")
        }
        guard let fields = RecordFields(value) else {
            throw corrupt(key, "the value is not a key-value record")
        }
        guard row.isTombstone || (fields.version > 0 && fields.modRevision == row.revision.main)
        else {
            throw corrupt(
                key,
                "version \(fields.version) of revision \(fields.modRevision) is not of this row"
            )
        }
        previous = row
        return (row, fields)
    }

    private func corrupt(_ key: Span<UInt8>, _ reason: String) -> KeyspaceError {
        .corrupt(bucket: .key, key: [UInt8](copying: key), reason: reason)
    }
}
