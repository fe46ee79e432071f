/// The whole log of a node: what its storage has, then what is not stable yet.
///
///     applied <= applying <= committed <= lastIndex
///
/// `applying` is what has been handed out to be applied. With asynchronous storage an entry is
/// handed out only when it is on this node's own disk.
struct RaftLog {
    private let storage: MemoryLog
    private(set) var unstable: UnstableLog
    private(set) var committed: LogIndex
    private(set) var applying: LogIndex
    private(set) var applied: LogIndex

    /// Limit of the encoded bytes that are being applied.
    let maxApplyingSize: Int
    private var applyingSize = 0
    /// No entries are handed out until some of those before have been applied.
    private var applyingPaused = false

    init(storage: MemoryLog, maxApplyingSize: Int) {
        self.storage = storage
        self.maxApplyingSize = maxApplyingSize
        unstable = UnstableLog(offset: storage.lastIndex + 1)
        committed = storage.firstIndex - 1
        applying = committed
        applied = committed
    }
}

// MARK: - Reading
extension RaftLog {
    var firstIndex: LogIndex { unstable.firstIndex ?? storage.firstIndex }

    var lastIndex: LogIndex { unstable.lastIndex ?? storage.lastIndex }

    var lastTerm: Term {
        guard let term = term(at: lastIndex) else { fatalError("the last entry has no term") }
        return term
    }

    /// The term at `index`; nil when it is compacted away or not there yet.
    func term(at index: LogIndex) -> Term? {
        if let term = unstable.term(at: index) { return term }
        if index + 1 < firstIndex || index > lastIndex { return nil }
        return try? storage.term(at: index)
    }

    func matches(term: Term, at index: LogIndex) -> Bool {
        self.term(at: index) == term
    }

    /// Whether a log that ends so has at least what this one has, by the rule of elections.
    func isUpToDate(term: Term, index: LogIndex) -> Bool {
        let ownTerm = lastTerm
        return term > ownTerm || (term == ownTerm && index >= lastIndex)
    }

    /// The entries from `from` on, within `maxSize` but at least one if there is any; nil when
    /// they have been compacted away.
    func entries(from: LogIndex, maxSize: Int) -> [Entry]? {
        if from > lastIndex { return [] }
        return slice(from: from, to: lastIndex + 1, maxSize: maxSize)
    }

    /// The entries in `from..<to`, within `maxSize` but at least one; nil when they have been
    /// compacted away.
    func slice(from: LogIndex, to: LogIndex, maxSize: Int) -> [Entry]? {
        invariant(from <= to && to <= lastIndex + 1, "reading \(from)..<\(to) of \(lastIndex)")
        if from < firstIndex { return nil }
        if from == to { return [] }
        if from >= unstable.offset {
            return Array(unstable.slice(from: from, to: to).prefix(encodedWithin: maxSize))
        }
        let cut = min(to, unstable.offset)
        guard var found = try? storage.entries(from: from, to: cut, maxSize: maxSize) else {
            // The storage is always ahead of what has been compacted as far as we know.
            fatalError("the storage does not have \(from)..<\(cut)")
        }
        let isCut = UInt64(found.count) < cut.rawValue - from.rawValue
        if to <= unstable.offset || isCut { return found }
        let size = maxSize == .max ? 0 : found.encodedSize
        if size >= maxSize { return found }
        let rest = unstable.slice(from: unstable.offset, to: to)
            .prefix(encodedWithin: maxSize == .max ? .max : maxSize - size)
        if maxSize != .max, rest.count == 1, size + rest.encodedSize > maxSize { return found }
        found.append(contentsOf: rest)
        return found
    }

    /// The newest snapshot to send; nil when there is none (yet).
    var snapshot: Snapshot? {
        let newest = unstable.snapshot ?? storage.snapshot
        return newest.index == .zero ? nil : newest
    }

    /// The highest index up to `index` at which the term here is `term` or lower, with that term.
    /// A log that has `term` at `index` can agree with this one there, but not later.
    func conflictPoint(before index: LogIndex, term: Term) -> (index: LogIndex, term: Term) {
        var index = index
        while index > .zero {
            guard let own = self.term(at: index) else { return (index, .zero) }
            if own <= term { return (index, own) }
            index = index - 1
        }
        return (.zero, .zero)
    }

    /// Whether a configuration change is committed but not applied.
    var hasUnappliedConfChange: Bool {
        // What is compacted has been applied, even if that has not been reported yet.
        var from = max(applied + 1, firstIndex)
        while from <= committed {
            guard
                let page = slice(from: from, to: committed + 1, maxSize: maxApplyingSize),
                let last = page.last
            else { fatalError("committed entries from \(from) on are gone") }
            if page.contains(where: { $0.kind != .normal }) { return true }
            from = last.index + 1
        }
        return false
    }
}

// MARK: - Writing
extension RaftLog {
    /// Appends the leader's own entries.
    mutating func append(_ entries: [Entry]) {
        guard let first = entries.first else { return }
        invariant(first.index > committed, "\(first.index) is committed and would be replaced")
        unstable.append(entries[...])
    }

    /// Appends a leader's entries that follow `prevIndex`; nil when the logs do not agree there,
    /// else the last index on which they now do.
    mutating func append(
        _ entries: [Entry],
        behind prevIndex: LogIndex,
        term prevTerm: Term,
        commit: LogIndex,
        ignoringTerm: Bool = false
    ) -> LogIndex? {
        let isKnown =
            matches(term: prevTerm, at: prevIndex) || (ignoringTerm && prevIndex <= lastIndex)
        guard isKnown else { return nil }
        let last = prevIndex + UInt64(entries.count)
        let known = entries.prefix { matches(term: $0.term, at: $0.index) }.count
        if known < entries.count {
            let conflict = prevIndex + UInt64(known + 1)
            invariant(conflict > committed, "\(conflict) is committed and would be replaced")
            unstable.append(entries[known...])
        }
        commitTo(min(commit, last))
        return last
    }

    /// Raises the commit index; never lowers it.
    mutating func commitTo(_ index: LogIndex) {
        if index <= committed { return }
        invariant(
            index <= lastIndex,
            "\(index) is committed but the log ends at \(lastIndex): it was truncated or lost"
        )
        committed = index
    }

    /// Sets what the hard state says at start.
    mutating func restoreCommit(_ index: LogIndex) {
        invariant(
            committed <= index && index <= lastIndex,
            "the commit index \(index) is not in \(committed)...\(lastIndex)"
        )
        committed = index
    }

    mutating func restore(_ snapshot: Snapshot) {
        invariant(snapshot.index > committed, "a snapshot at \(snapshot.index) goes back")
        unstable.restore(snapshot)
        committed = snapshot.index
    }

    mutating func acceptUnstable() {
        unstable.acceptInProgress()
    }

    mutating func stabilize(term: Term, index: LogIndex) {
        unstable.stabilize(term: term, index: index)
    }

    mutating func stabilizeSnapshot(_ index: LogIndex) {
        unstable.stabilizeSnapshot(index)
    }
}

// MARK: - Applying
extension RaftLog {
    /// The last index that may be handed out now.
    private func maxAppliable(allowUnstable: Bool) -> LogIndex {
        allowUnstable ? committed : min(committed, unstable.offset - 1)
    }

    func hasCommittedEntries(allowUnstable: Bool) -> Bool {
        // A snapshot must be in place before anything behind it is applied.
        !applyingPaused && unstable.snapshot == nil
            && applying < maxAppliable(allowUnstable: allowUnstable)
    }

    /// The committed entries to hand out next, within the limit of what is being applied.
    func committedEntries(allowUnstable: Bool) -> [Entry] {
        guard hasCommittedEntries(allowUnstable: allowUnstable) else { return [] }
        let room = maxApplyingSize == .max ? .max : maxApplyingSize - applyingSize
        invariant(room > 0, "entries are handed out over the limit")
        let end = maxAppliable(allowUnstable: allowUnstable) + 1
        guard let page = slice(from: applying + 1, to: end, maxSize: room) else {
            fatalError("committed entries from \(applying + 1) on are gone")
        }
        return page
    }

    /// Entries up to `index` have been handed out.
    mutating func acceptApplying(_ index: LogIndex, size: Int, allowUnstable: Bool) {
        invariant(applying < index && index <= committed, "handing out up to \(index)")
        applying = index
        applyingSize += size
        // Paused also when the limit cut the page short: the next would be as small as can be.
        applyingPaused =
            applyingSize >= maxApplyingSize
            || index < maxAppliable(allowUnstable: allowUnstable)
    }

    /// Entries up to `index` have been applied, `size` bytes of them since the last time.
    mutating func applied(to index: LogIndex, size: Int) {
        invariant(
            applied <= index && index <= committed,
            "applied \(index) is not in \(applied)...\(committed)"
        )
        applied = index
        applying = max(applying, index)
        applyingSize = max(0, applyingSize - size)
        applyingPaused = applyingSize >= maxApplyingSize
    }
}
