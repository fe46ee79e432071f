/// Which keys go with a lease, found out while the rows of the `key` bucket are read at start.
///
/// Only rows with a lease are looked at twice: once to remember the newest of each key, and once,
/// when the index knows all keys, to see whether that row is the newest of all and its key exists.
/// So rows without a lease cost nothing.
struct RestoredAttachments {
    private struct Candidate {
        let lease: Int64
        let revision: Revision
    }

    private var newest: [[UInt8]: Candidate] = [:]

    /// A row, which is newer than all before.
    mutating func note(_ key: Span<UInt8>, lease: Int64, at revision: Revision) {
        guard lease != 0 else { return }
        newest[[UInt8](copying: key)] = Candidate(lease: lease, revision: revision)
    }

    /// In any order: a lease gives its keys sorted.
    func move(to leases: inout LeaseTable, _ index: KeyIndex) {
        for (key, candidate) in newest {
            guard let history = index.history(key.span), history.isLive,
                history.modified.revision == candidate.revision
            else { continue }
            leases.attach(key, to: candidate.lease)
        }
    }
}
