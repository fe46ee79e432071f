import Raft
import Storage

/// What Raft wants written to the log, on its way to the disk and back.
///
/// Raft hands over entries and hard states together with responses that may go only once these are
/// durable. A batch for the log's thread collects them; several may be under way.
///
///     stage -> staged -> take -> in flight 7, 8, 9 -> logged(8) -> responses of 7 and 8
///
/// A hard state in which only the commit index moved is not worth a sync: it is held back for the
/// next batch, or for the next tick. Losing it costs a restarted member nothing but the news, and
/// no response depends on it.
struct LogWrites {
    private struct Write {
        let number: UInt64
        /// The end of the log once this is durable; nil when the write has no entries.
        let lastIndex: LogIndex?
        let marker: LogIndex?
        var responses: [Message]
    }

    /// The last entry that is durable in the own log.
    private(set) var durableIndex: LogIndex
    private var durableState: HardState
    private var nextNumber: UInt64 = 1
    private var inFlight: [Write] = []

    private var entries: [Entry] = []
    private var hardState: HardState?
    private var marker: WAL.Marker?
    private var responses: [Message] = []
    private var held: [Message] = []
    private var mustSync = false

    init(durableIndex: LogIndex, hardState: HardState) {
        self.durableIndex = durableIndex
        durableState = hardState
    }

    /// Keeps a request for a vote until the term and the own vote, which Raft hands over next, are
    /// durable.
    ///
    /// Raft lets it go at once, since the own vote counts only when it is on disk. But the others'
    /// votes may be enough. A candidate that won by them, and lost power before its disk had the
    /// term, could be elected again in that term, by the same votes, and fill it with other
    /// entries: where a follower has some of the former ones, the logs differ without anybody
    /// noticing.
    mutating func hold(_ message: Message) {
        held.append(message)
    }

    /// Takes over what a `.storageAppend` message asks for. Gives back the responses that need not
    /// wait for any write.
    mutating func stage(_ message: Message) -> [Message] {
        let following = held + message.responses
        held = []
        let state = HardState(term: message.term, vote: message.vote, commit: message.commit)
        if state != HardState() {
            hardState = state
            if state.term != durableState.term || state.vote != durableState.vote {
                mustSync = true
                durableState = state
            }
        }
        if let first = message.entries.first {
            // What is staged leaves with the turn, and only messages, which come between turns,
            // can replace the end of the log.
            invariant(
                entries.last.map { first.index == $0.index + 1 } ?? true,
                "entry \(first.index) does not continue what is staged"
            )
            entries.append(contentsOf: message.entries)
            mustSync = true
        }
        if mustSync {
            responses.append(contentsOf: following)
        } else if !inFlight.isEmpty {
            // They may speak of entries that are still being written.
            inFlight[inFlight.count - 1].responses.append(contentsOf: following)
        } else {
            return following
        }
        return []
    }

    /// Gives the number of the batch that it will be in.
    @discardableResult
    mutating func stage(_ marker: WAL.Marker) -> UInt64 {
        invariant(entries.isEmpty || marker.index < entries[0].index, "a marker behind entries")
        self.marker = marker
        mustSync = true
        return nextNumber
    }

    /// The next batch for the log; nil when nothing is staged that must be durable.
    mutating func take() -> (number: UInt64, batch: LogBatch)? {
        mustSync ? takeAll() : nil
    }

    /// Like `take`, but also for a commit index alone.
    mutating func takeHeldBack() -> (number: UInt64, batch: LogBatch)? {
        mustSync || hardState != nil ? takeAll() : nil
    }

    private mutating func takeAll() -> (number: UInt64, batch: LogBatch) {
        invariant(held.isEmpty, "a vote is asked for without a new term")
        let number = nextNumber
        nextNumber += 1
        let batch = LogBatch(
            entries: entries,
            hardState: hardState,
            marker: marker,
            mustSync: mustSync
        )
        inFlight.append(
            Write(
                number: number,
                lastIndex: entries.last?.index,
                marker: marker?.index,
                responses: responses
            )
        )
        entries = []
        hardState = nil
        marker = nil
        responses = []
        mustSync = false
        return (number, batch)
    }

    /// All batches up to this number are durable: gives the responses that may go now, in order.
    mutating func logged(_ number: UInt64) -> [Message] {
        invariant(number < nextNumber, "log batch \(number) was never handed over")
        let done = inFlight.prefix { $0.number <= number }
        inFlight.removeFirst(done.count)
        for write in done {
            // A smaller index is right too: a new leader's entries replaced the end of the log.
            if let marker = write.marker { durableIndex = max(durableIndex, marker) }
            if let lastIndex = write.lastIndex { durableIndex = lastIndex }
        }
        return done.flatMap(\.responses)
    }
}
