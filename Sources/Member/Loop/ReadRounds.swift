import Keyspace
import Raft

/// Those that wait until a read of the local state is linearizable.
///
/// A round asks the leader for its commit index and whether it still leads; one round serves all
/// who came before it was asked. Its answer is an index: once that is applied here, they may read.
///
///     next -> (begin) -> round -> (confirm: index) -> confirmed -> (applied >= index) -> read
///
/// Who comes while a round is under way waits for the next: the index asked for by the present one
/// may be older than a write that the newcomer has seen.
struct ReadRounds {
    struct Reader {
        let deadline: Tick
        let reply: (EtcdError?) -> Void
    }

    private struct Round {
        let context: [UInt8]
        var readers: [Reader]
        var askedAt: Tick
    }

    private var next: [Reader] = []
    private var round: Round?
    private var confirmed: [(index: LogIndex, readers: [Reader])] = []

    mutating func add(_ reader: Reader) {
        next.append(reader)
    }

    /// Whether a round should begin.
    var isDue: Bool {
        round == nil && !next.isEmpty
    }

    /// Begins a round; its context tells its answer from that of an earlier one.
    mutating func begin(context: [UInt8], at tick: Tick) {
        invariant(isDue, "a read round begins while another is under way")
        round = Round(context: context, readers: next, askedAt: tick)
        next = []
    }

    /// The question to repeat, because it was asked so long ago that it may have been lost.
    mutating func takeRepeat(at tick: Tick, after ticks: Int) -> [UInt8]? {
        guard var current = round, tick - current.askedAt >= ticks else { return nil }
        current.askedAt = tick
        round = current
        return current.context
    }

    /// The question under way, to be repeated for another reason than time.
    var question: [UInt8]? {
        round?.context
    }

    /// The leader answered; an answer to an earlier question does not count.
    mutating func confirm(_ context: [UInt8], at index: LogIndex) {
        guard let round, round.context == context else { return }
        confirmed.append((index, round.readers))
        self.round = nil
    }

    /// Who may read now that this index is applied.
    mutating func takeReady(applied: LogIndex) -> [Reader] {
        if confirmed.isEmpty { return [] }
        let ready = confirmed.filter { $0.index <= applied }
        if ready.isEmpty { return [] }
        confirmed.removeAll { $0.index <= applied }
        return ready.flatMap(\.readers)
    }

    /// Gives up the round under way: its question went to a leader that is one no more.
    mutating func takeRound() -> [Reader] {
        defer { round = nil }
        return round?.readers ?? []
    }

    mutating func takeAll() -> [Reader] {
        defer { self = ReadRounds() }
        return confirmed.flatMap(\.readers) + (round?.readers ?? []) + next
    }

    /// Whose time is up.
    mutating func takeExpired(at tick: Tick) -> [Reader] {
        var expired: [Reader] = []
        func keep(_ readers: [Reader]) -> [Reader] {
            guard readers.contains(where: { $0.deadline <= tick }) else { return readers }
            expired.append(contentsOf: readers.filter { $0.deadline <= tick })
            return readers.filter { $0.deadline > tick }
        }
        for position in confirmed.indices {
            confirmed[position].readers = keep(confirmed[position].readers)
        }
        if let readers = round?.readers { round?.readers = keep(readers) }
        next = keep(next)
        return expired
    }
}
