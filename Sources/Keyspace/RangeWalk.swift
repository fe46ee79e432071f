package import EtcdProto
internal import FoundationEssentials

/// A range that is read in steps, each of a bounded number of keys, so that a large one does not
/// hold others up. All steps see the revision of the first: the answer is as if it was read at
/// once, then.
///
/// Entries may be applied between two steps. If a compaction passes the revision, a range that
/// did not ask for one begins anew at the current; another fails as compacted.
package struct RangeWalk {
    private let request: RangeRequest
    private let end: KeyRange.End
    /// The revision that is read.
    private let revision: Int64
    /// The keyspace's at the time.
    private let current: Int64
    /// All keys of the range; nil where they are counted on the way.
    private let known: Int?
    private var counted = 0
    private var found: [Record] = []
    private var next: [UInt8]

    /// Fails for a revision that is compacted, or that is not there yet.
    package init(_ request: RangeRequest, _ keyspace: Keyspace) throws(EtcdError) {
        try self.init(request, keyspace, current: keyspace.revision)
    }

    /// - Parameter current: The revision to take as the newest; within a transaction that has
    ///   changed something, the one that it makes.
    init(_ request: RangeRequest, _ keyspace: Keyspace, current: Int64) throws(EtcdError) {
        guard request.revision <= current else { throw .futureRev }
        revision = request.revision > 0 ? request.revision : current
        guard revision >= keyspace.compactRevision else { throw .compacted }
        self.request = request
        self.current = current
        let range = KeyRange(key: request.key, rangeEnd: request.rangeEnd)
        known = revision == current ? keyspace.index.liveCount(range) : nil
        next = range.from
        end = range.end
    }

    /// Looks at the next keys, at most `limit`, deleted ones among them. Nil: there are more.
    package mutating func step(
        _ keyspace: Keyspace,
        keys limit: Int
    ) throws(EtcdError) -> RangeRows? {
        if keyspace.compactRevision > revision {
            guard request.revision <= 0 else { throw .compacted }
            self = try RangeWalk(request, keyspace)
        }
        if !isDone {
            var left = limit
            var goOn: [UInt8]?
            keyspace.index.visit(KeyRange(from: next, end: end)) { page, positions in
                for position in positions {
                    guard left > 0 else {
                        goOn = Array(page.keys[position])
                        return false
                    }
                    left -= 1
                    note(page.histories[position], keyspace)
                    if isDone { return false }
                }
                return true
            }
            if let goOn {
                next = goOn
                return nil
            }
        }
        var rows = RangeRows(revision: current, count: known ?? counted)
        if !request.countOnly { rows.take(found, for: request) }
        return rows
    }

    private var isDone: Bool {
        guard let known else { return false }
        return request.countOnly || known == 0 || found.count >= request.fetchLimit
    }

    private mutating func note(_ history: KeyHistory, _ keyspace: Keyspace) {
        guard let version = history.revision(at: revision) else { return }
        counted += 1
        guard !request.countOnly, found.count < request.fetchLimit else { return }
        found.append(keyspace.record(version))
    }
}
