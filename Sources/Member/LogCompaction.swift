import Raft

/// What is known about where the log may begin.
///
/// Entries leave the log when their effect is durable in the backend and no follower is likely to
/// need them: at least `catchUpEntries` stay, and more, up to `catchUpBytes` of them. A leader
/// keeps what a follower has not acknowledged up to `laggardBytes`; one that is still further
/// behind needs a snapshot.
///
/// Sizes are summed up as entries are applied, with a mark every so often, so that asking for the
/// size of the log's end costs nothing.
struct LogCompaction {
    /// Nothing before this is cut off: of it the group at the time is not known.
    let startedAt: LogIndex
    /// When the last cut was considered.
    private(set) var consideredAt: LogIndex
    /// Of entries applied since then.
    var bytesSinceConsidered: Int { bytes - bytesWhenConsidered }
    private var bytesWhenConsidered = 0
    /// Who took part from an index on, ascending; the first is as of the start.
    private var confStates: [(index: LogIndex, state: ConfState)]
    /// The bytes of all entries up to an index, ascending.
    private var marks: [(index: LogIndex, bytes: Int)] = []
    private var bytes = 0

    /// The last entry that nobody may be sent any more, whatever he has; 0 when there is none.
    private(set) var barrier = LogIndex.zero

    private let entriesPerMark: UInt64
    private static let entriesPerMarkMax: UInt64 = 100
    private static let bytesPerMark = 1 << 20
    /// About what an entry takes in memory besides its data.
    private static let overheadBytes = 96

    /// `log` holds the entries of before the start that are still there. Cuts are `interval`
    /// entries apart, so marks are no further.
    init(log: MemoryLog, startedAt: LogIndex, confState: ConfState, interval: UInt64) {
        self.startedAt = startedAt
        entriesPerMark = max(1, min(interval, LogCompaction.entriesPerMarkMax))
        consideredAt = startedAt
        confStates = [(startedAt, confState)]
        guard startedAt >= log.firstIndex else { return }
        do {
            for entry in try log.entries(from: log.firstIndex, to: startedAt + 1) { note(entry) }
            bytesWhenConsidered = bytes
        } catch {
            fatalError("the log does not have what it says: \(error)")
        }
    }

    /// Counts an entry that is applied.
    mutating func note(_ entry: Entry) {
        bytes += entry.data.count + LogCompaction.overheadBytes
        let isFar = bytes - (marks.last?.bytes ?? 0) >= LogCompaction.bytesPerMark
        if isFar || entry.index.rawValue.isMultiple(of: entriesPerMark) {
            marks.append((entry.index, bytes))
        }
    }

    /// Whoever is behind `index` needs a snapshot.
    mutating func raiseBarrier(to index: LogIndex) {
        barrier = max(barrier, index)
    }

    mutating func consider(at index: LogIndex) {
        consideredAt = index
        bytesWhenConsidered = bytes
    }

    mutating func note(_ state: ConfState, at index: LogIndex) {
        confStates.append((index, state))
    }

    /// Who took part when this index was applied.
    func confState(at index: LogIndex) -> ConfState {
        confStates.last { $0.index <= index }?.state ?? confStates[0].state
    }

    /// The index up to which entries must go so that the rest takes up about this many bytes; 0
    /// when all of it is less.
    func cut(leaving limit: Int) -> LogIndex {
        marks.last { bytes - $0.bytes > limit }?.index ?? .zero
    }

    /// The log begins after `index`.
    mutating func forget(to index: LogIndex) {
        confStates.removeFirst(confStates.lastIndex { $0.index <= index } ?? 0)
        marks.removeFirst(marks.prefix { $0.index <= index }.count)
    }
}
