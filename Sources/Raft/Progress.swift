/// One node's log as the leader knows it, and what may be sent to it.
///
/// Invariant: match < next. Entries in between are in flight.
package struct Progress: Sendable {
    package enum State: Hashable, Sendable {
        /// Where the follower's log agrees is not known: one append at a time, until one succeeds.
        case probe
        /// Appends are sent ahead of their acknowledgements, as far as the window allows.
        case replicate
        /// Its log ends before ours begins: a snapshot is on its way and nothing else.
        case snapshot
    }

    package let id: NodeID
    package internal(set) var isLearner: Bool
    /// The highest index up to which its log is known to be ours.
    package private(set) var match: LogIndex
    /// The index of the next entry to send.
    package private(set) var next: LogIndex
    package private(set) var state = State.probe
    /// In state `snapshot`, the index of the snapshot that has been sent.
    package private(set) var pendingSnapshot = LogIndex.zero
    /// It has been heard from since the last quorum check.
    package internal(set) var recentActive: Bool
    package private(set) var inflights: Inflights

    /// Nothing is sent until an answer, of a heartbeat at least, has come.
    private var flowPaused = false
    /// The highest commit index sent that the follower can have made use of.
    private var sentCommit = LogIndex.zero

    init(
        id: NodeID,
        isLearner: Bool,
        match: LogIndex = .zero,
        next: LogIndex,
        recentActive: Bool,
        inflights: Inflights
    ) {
        self.id = id
        self.isLearner = isLearner
        self.match = match
        self.next = next
        self.recentActive = recentActive
        self.inflights = inflights
        invariant(match < next, "the progress of \(id) starts at \(next), matching \(match)")
    }

    package var isPaused: Bool { state == .snapshot || flowPaused }
}

// MARK: - Transitions
extension Progress {
    private mutating func enter(_ state: State) {
        self.state = state
        flowPaused = false
        pendingSnapshot = .zero
        inflights.reset()
    }

    /// Starts again behind what is known, or behind the snapshot if one was on its way.
    mutating func becomeProbe() {
        let snapshot = state == .snapshot ? pendingSnapshot : .zero
        enter(.probe)
        next = max(match, snapshot) + 1
        sentCommit = min(sentCommit, next - 1)
    }

    mutating func becomeReplicate() {
        enter(.replicate)
        next = match + 1
    }

    mutating func becomeSnapshot(at index: LogIndex) {
        enter(.snapshot)
        pendingSnapshot = index
        next = index + 1
        sentCommit = index
    }

    /// The snapshot did not arrive: the probe must not start behind it.
    mutating func forgetSnapshot() {
        pendingSnapshot = .zero
    }

    mutating func pause() { flowPaused = true }

    mutating func resume() { flowPaused = false }
}

// MARK: - Sending
extension Progress {
    /// Notes an append with `count` entries of `bytes` in sum, the first of them at `next`.
    mutating func sentEntries(_ count: Int, bytes: Int) {
        switch state {
        case .replicate:
            if count > 0 {
                next = next + UInt64(count)
                inflights.add(last: next - 1, bytes: bytes)
            }
            // A message that fills the window, or an empty one through a full window, is a probe.
            flowPaused = inflights.isFull
        case .probe:
            if count > 0 { flowPaused = true }
        case .snapshot:
            fatalError("an append is sent to \(id), which waits for a snapshot")
        }
    }

    mutating func sentCommit(_ index: LogIndex) {
        sentCommit = index
    }

    /// Whether sending `commit` could raise the follower's commit index.
    func canBumpCommit(_ commit: LogIndex) -> Bool {
        commit > sentCommit && sentCommit < next - 1
    }
}

// MARK: - Answers
extension Progress {
    /// The follower has everything up to `index`. False when that is no news.
    mutating func acknowledge(_ index: LogIndex) -> Bool {
        if index <= match { return false }
        match = index
        next = max(next, index + 1)
        flowPaused = false
        return true
    }

    mutating func freeInflights(upTo index: LogIndex) {
        inflights.free(upTo: index)
    }

    /// The follower refused the append behind `rejected`; it may agree up to `hint`. False when
    /// the refusal is of an old message and says nothing.
    mutating func retreat(rejected: LogIndex, hint: LogIndex) -> Bool {
        if state == .replicate {
            if rejected <= match { return false }
            next = match + 1
        } else {
            // While probing there is one message, so only its refusal counts.
            if next - 1 != rejected { return false }
            next = max(min(rejected, hint + 1), match + 1)
            flowPaused = false
        }
        sentCommit = min(sentCommit, next - 1)
        return true
    }
}

extension Progress.State: CustomStringConvertible {
    package var description: String {
        switch self {
        case .probe: "StateProbe"
        case .replicate: "StateReplicate"
        case .snapshot: "StateSnapshot"
        }
    }
}

extension Progress: CustomStringConvertible {
    /// `StateReplicate match=11 next=14 inflight=2`, as etcd's tools show it.
    package var description: String {
        var text = "\(state) match=\(match) next=\(next)"
        if isLearner { text += " learner" }
        if isPaused { text += " paused" }
        if pendingSnapshot > .zero { text += " pendingSnap=\(pendingSnapshot)" }
        if !recentActive { text += " inactive" }
        if inflights.count > 0 {
            text += " inflight=\(inflights.count)" + (inflights.isFull ? "[full]" : "")
        }
        return text
    }
}
