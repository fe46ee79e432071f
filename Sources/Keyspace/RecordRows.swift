/// Judges the rows of the `key` bucket as they come in order.
package struct RecordRows {
    /// The last row; nil before the first.
    package private(set) var previous: RecordKey?

    package init() {}

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
        previous = row
        if value.count == 0, !row.isTombstone { return (row, placeholder(row)) }
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
        return (row, fields)
    }

    /// A restore that raised the revision (`--bump-revision`) has left a row without a record:
    /// the version of a key without a name, for which no request can ask.
    private func placeholder(_ row: RecordKey) -> RecordFields {
        var fields = RecordFields()
        fields.version = 1
        fields.createRevision = row.revision.main
        fields.modRevision = row.revision.main
        return fields
    }

    private func corrupt(_ key: Span<UInt8>, _ reason: String) -> KeyspaceError {
        .corrupt(bucket: .key, key: [UInt8](copying: key), reason: reason)
    }
}
