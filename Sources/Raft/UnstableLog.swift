/// The end of the log that is not known to be on disk, and a snapshot that is not yet in place.
///
///     stable    entries
///     ... 9 10 | 11 12 13 | 14 15
///                ^ offset   ^ offsetInProgress: 11...13 are being written
///
/// A new leader may replace entries that are being written; see `stabilize(term:index:)`.
struct UnstableLog {
    private(set) var snapshot: Snapshot?
    private(set) var entries: [Entry] = []
    /// The index of the first entry here, also while there is none.
    private(set) var offset: LogIndex
    private(set) var offsetInProgress: LogIndex
    private(set) var snapshotInProgress = false

    init(offset: LogIndex) {
        self.offset = offset
        offsetInProgress = offset
    }

    /// Known here only when there is a snapshot.
    var firstIndex: LogIndex? { snapshot.map { $0.index + 1 } }

    /// The last entry here, or the snapshot.
    var lastIndex: LogIndex? {
        entries.isEmpty ? snapshot?.index : offset + UInt64(entries.count - 1)
    }

    /// The term at `index`, if that is known here.
    func term(at index: LogIndex) -> Term? {
        if index < offset {
            return index == snapshot?.index ? snapshot?.term : nil
        }
        let position = Int(index.rawValue - offset.rawValue)
        return position < entries.count ? entries[position].term : nil
    }

    /// The entries in `from..<to`, all of which must be here.
    func slice(from: LogIndex, to: LogIndex) -> ArraySlice<Entry> {
        invariant(offset <= from && from <= to, "unstable entries from \(from) to \(to)")
        let start = Int(from.rawValue - offset.rawValue)
        return entries[start..<start + Int(to.rawValue - from.rawValue)]
    }

    /// The entries that nobody writes yet.
    var nextEntries: ArraySlice<Entry> {
        entries[Int(offsetInProgress.rawValue - offset.rawValue)...]
    }

    /// The snapshot, if nobody installs it yet.
    var nextSnapshot: Snapshot? { snapshotInProgress ? nil : snapshot }

    /// All that is here is being written from now on.
    mutating func acceptInProgress() {
        if !entries.isEmpty { offsetInProgress = offset + UInt64(entries.count) }
        if snapshot != nil { snapshotInProgress = true }
    }

    /// The log is on disk up to `index`, if the entry there is still the one of `term`. Another
    /// one means that it has been replaced since, and the write that is reported was of its
    /// forerunner.
    mutating func stabilize(term: Term, index: LogIndex) {
        guard index >= offset, self.term(at: index) == term else { return }
        let count = Int(index.rawValue - offset.rawValue) + 1
        if count == entries.count {
            entries.removeAll(keepingCapacity: true)
        } else {
            entries.removeFirst(count)
        }
        offset = index + 1
        offsetInProgress = max(offsetInProgress, offset)
    }

    /// The snapshot as of `index` is in place.
    mutating func stabilizeSnapshot(_ index: LogIndex) {
        guard snapshot?.index == index else { return }
        snapshot = nil
        snapshotInProgress = false
    }

    /// Begins anew behind a snapshot.
    mutating func restore(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        snapshotInProgress = false
        entries = []
        offset = snapshot.index + 1
        offsetInProgress = offset
    }

    /// Puts entries at the end, or in the place of those from their first index on.
    mutating func append(_ new: ArraySlice<Entry>) {
        guard let first = new.first?.index else { return }
        let end = offset + UInt64(entries.count)
        invariant(first <= end, "appending at \(first) leaves a gap behind \(end)")
        if first <= offset {
            entries = Array(new)
            offset = first
            offsetInProgress = first
            return
        }
        if first < end {
            entries.removeSubrange(Int(first.rawValue - offset.rawValue)...)
            offsetInProgress = min(offsetInProgress, first)
        }
        entries.append(contentsOf: new)
    }
}
