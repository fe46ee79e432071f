package import Keyspace
package import Raft

/// Where a member's keyspace is, with a place beside it for the rows of a snapshot.
///
///     current     what the member serves from
///     prepared    a snapshot's rows, of no meaning until the log has a marker for them
///
/// `adopt` makes the prepared rows the current ones, as if at once: after a crash in it there is
/// the one or the other, and `prepared` still answers for what is not adopted.
package protocol KeyspaceStore {
    /// Opens the current rows, or makes them, empty.
    func open() throws(StartError) -> any Backend

    /// Opens an empty place for a snapshot's rows; what was prepared before is gone.
    func prepare() throws(StartError) -> any Backend

    /// The consistent index of the prepared rows; nil when there are none, or not all.
    func prepared() throws(StartError) -> LogIndex?

    /// Puts the prepared rows in the place of the current ones, which must not be open. Durable.
    func adopt() throws(StartError)

    /// Removes what is prepared.
    func discard() throws(StartError)
}

extension Backend {
    /// The last entry whose effect is in these rows; 0 when nothing ever was.
    package func consistentIndex() throws(StartError) -> LogIndex {
        let bytes: [UInt8]?
        do {
            bytes = try get(.meta, MetaKey.consistentIndex)
        } catch {
            throw .backend(error)
        }
        guard let bytes else { return .zero }
        guard bytes.count == 8 else {
            throw .badRecord(
                bucket: Bucket.meta.rawValue,
                key: "consistent_index",
                reason: "it has \(bytes.count) bytes instead of 8"
            )
        }
        return LogIndex(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
}
