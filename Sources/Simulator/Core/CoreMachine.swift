import Raft

/// One machine of a world of bare consensus: a disk, a state machine, and at times a node.
///
/// The state machine is a chain of checksums over all that was applied. It is in memory only: what
/// is durable is a snapshot now and then, and the log behind it.
final class CoreMachine {
    let id: NodeID
    let name: String
    /// The durable log, which the running node reads.
    let store: MemoryLog
    var node: RaftNode?

    // The state machine.
    var applied = LogIndex.zero
    var chain: UInt64 = 0
    var confState = ConfState()
    /// Entries up to here are part of a snapshot that is being installed.
    var skipUpTo = LogIndex.zero

    // The storage threads.
    var appends: [Message] = []
    var isAppending = false
    var applies: [Message] = []
    var isApplying = false
    var isTurnPlanned = false

    init(_ id: NodeID, name: String, snapshot: Snapshot, hardState: HardState) {
        self.id = id
        self.name = name
        store = MemoryLog(snapshot: snapshot, hardState: hardState)
    }

    var isRunning: Bool { node != nil }

    /// What is durable, as promises to others need it.
    var durable: DurableState {
        DurableState(
            term: store.hardState.term,
            vote: store.hardState.vote,
            lastIndex: store.lastIndex
        )
    }

    /// Whether an entry, or what it came to, is on this disk.
    func has(_ index: LogIndex, _ term: Term) -> Bool {
        if index < store.firstIndex { return index <= store.snapshot.index }
        return (try? store.term(at: index)) == term
    }

    /// Puts the state machine where the newest snapshot says.
    func restoreState() {
        applied = store.snapshot.index
        chain = Self.number(store.snapshot.data)
        confState = store.snapshot.confState
        skipUpTo = .zero
        appends = []
        applies = []
        isAppending = false
        isApplying = false
        isTurnPlanned = false
    }

    /// Does on disk what a message to the append thread says.
    func persist(_ message: Message) {
        if let snapshot = message.snapshot { install(snapshot) }
        store.append(message.entries)
        let state = HardState(term: message.term, vote: message.vote, commit: message.commit)
        if state != HardState() { store.hardState = state }
    }

    func install(_ snapshot: Snapshot) {
        guard (try? store.apply(snapshot)) != nil else { return }
        applied = snapshot.index
        chain = Self.number(snapshot.data)
        confState = snapshot.confState
    }

    /// The state as it is.
    var currentSnapshot: Snapshot {
        Snapshot(
            data: Self.bytes(chain),
            confState: confState,
            index: applied,
            term: (try? store.term(at: applied)) ?? store.snapshot.term
        )
    }

    /// Saves the state as it is, and cuts the log behind it.
    func saveSnapshot(keeping entries: UInt64, forgetting: Bool) -> Bool {
        let state = forgetting ? store.snapshot.confState : confState
        let data = Self.bytes(chain)
        let saved: Void? = try? store.createSnapshot(
            index: applied,
            confState: state,
            data: data
        )
        guard saved != nil else { return false }
        if applied.rawValue > entries { try? store.compact(to: applied - entries) }
        return true
    }

    static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    static func number(_ bytes: [UInt8]) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func link(_ chain: UInt64, _ entry: Entry) -> UInt64 {
        var hash = chain ^ 0xCBF2_9CE4_8422_2325
        for number in [entry.index.rawValue, entry.term.rawValue, entry.kind.rawValue] {
            hash = (hash ^ number) &* 0x0000_0100_0000_01B3
        }
        for byte in entry.data { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
