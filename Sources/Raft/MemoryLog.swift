/// Why a part of the log cannot be read or changed.
package enum LogError: Error, Hashable, Sendable {
    /// The index lies before the first entry that is kept.
    case compacted
    /// The index lies behind the last entry.
    case unavailable
    /// The snapshot is not newer than the one that is there.
    case snapshotOutOfDate
}

/// The entries that a node may read: all that its storage has been given and that is not compacted
/// away, in memory, with the newest snapshot's description and the hard state. The owner of the
/// node appends to it what a `Ready` (or the append thread's message) hands over.
///
///     compacted   entries
///     ... 9 10 |  11 12 13        firstIndex 11, lastIndex 13; the term of 10 is still known
///
/// Owned by one loop; it is a class because the node reads what its owner writes.
package final class MemoryLog {
    /// What stands in for the log before some index, at or before the last compacted one or after
    /// it; sent to a follower that needs entries which are gone. Index 0: there is none.
    package var snapshot: Snapshot
    /// The last durable one; read by a node only when it starts.
    package var hardState: HardState

    private var compactedIndex: LogIndex
    private var compactedTerm: Term
    private var entries: [Entry] = []

    /// A log that begins behind `snapshot`; without one, at index 1.
    package init(snapshot: Snapshot = Snapshot(), hardState: HardState = HardState()) {
        self.snapshot = snapshot
        self.hardState = hardState
        compactedIndex = snapshot.index
        compactedTerm = snapshot.term
    }

    /// The first index of which the entry is kept; one behind `lastIndex` when none is.
    package var firstIndex: LogIndex { compactedIndex + 1 }

    /// The last index, compacted or not; 0 for an empty log.
    package var lastIndex: LogIndex { compactedIndex + UInt64(entries.count) }

    /// The term of the entry at `index`, also of the last compacted one.
    package func term(at index: LogIndex) throws(LogError) -> Term {
        if index == compactedIndex { return compactedTerm }
        if index < compactedIndex { throw .compacted }
        if index > lastIndex { throw .unavailable }
        return entries[position(of: index)].term
    }

    /// The entries in `from..<to`, as many as fit into `maxSize` encoded bytes, but at least one.
    package func entries(
        from: LogIndex,
        to: LogIndex,
        maxSize: Int = .max
    ) throws(LogError) -> [Entry] {
        invariant(from <= to, "entries from \(from) to \(to)")
        if from <= compactedIndex { throw .compacted }
        if to > lastIndex + 1 { throw .unavailable }
        let wanted = entries[position(of: from)..<position(of: to)]
        return Array(wanted.prefix(encodedWithin: maxSize))
    }

    /// Puts entries behind the others; from their first index on they replace what was there.
    /// What is compacted already is passed over.
    package func append(_ new: [Entry]) {
        guard let first = new.first, let last = new.last else { return }
        if last.index < firstIndex { return }
        invariant(
            first.index <= lastIndex + 1,
            "appending at \(first.index) leaves a gap behind \(lastIndex)"
        )
        let fresh = new.drop { $0.index < firstIndex }
        let start = position(of: max(first.index, firstIndex))
        if start < entries.count { entries.removeSubrange(start...) }
        entries.append(contentsOf: fresh)
        invariant(lastIndex == last.index, "appended entries are not consecutive")
    }

    /// Forgets the entries up to and including `index`, which the state machine must have applied;
    /// its term stays known.
    package func compact(to index: LogIndex) throws(LogError) {
        if index <= compactedIndex { throw .compacted }
        if index > lastIndex { throw .unavailable }
        let position = position(of: index)
        compactedTerm = entries[position].term
        entries.removeSubrange(...position)
        compactedIndex = index
    }

    /// Replaces everything by a snapshot that came from the leader.
    package func apply(_ snapshot: Snapshot) throws(LogError) {
        if snapshot.index <= self.snapshot.index { throw .snapshotOutOfDate }
        self.snapshot = snapshot
        compactedIndex = snapshot.index
        compactedTerm = snapshot.term
        entries = []
    }

    /// Notes that the state machine has been saved as of `index`; nothing is compacted by that.
    package func createSnapshot(
        index: LogIndex,
        confState: ConfState,
        data: [UInt8]
    ) throws(LogError) {
        if index <= snapshot.index { throw .snapshotOutOfDate }
        let term = try term(at: index)
        snapshot = Snapshot(data: data, confState: confState, index: index, term: term)
    }

    private func position(of index: LogIndex) -> Int {
        Int(index.rawValue - compactedIndex.rawValue) - 1
    }
}

extension ArraySlice<Entry> {
    /// The longest prefix of at most `maxSize` encoded bytes, but at least one entry.
    func prefix(encodedWithin maxSize: Int) -> ArraySlice<Entry> {
        if maxSize == .max || count <= 1 { return self }
        var size = self[startIndex].encodedSize
        for position in indices.dropFirst() {
            size += self[position].encodedSize
            if size > maxSize { return self[..<position] }
        }
        return self
    }
}

extension Sequence<Entry> {
    /// The encoded bytes of all of them.
    var encodedSize: Int { reduce(0) { $0 + $1.encodedSize } }

    /// The bytes of all commands, without index and term.
    var payloadSize: Int { reduce(0) { $0 + $1.data.count } }
}
