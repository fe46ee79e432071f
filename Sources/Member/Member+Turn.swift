import Keyspace
import Logging
import Raft
import Storage

extension Member {
    /// Does what has become possible since the last turn, within the bound of one turn's work, and
    /// gives what is left to the shell. `backendDue` says that the pending writes have waited long
    /// enough for a commit.
    package func turn(backendDue: Bool = false) -> Turn {
        if installation == .done {
            output.mustReopen = true
            defer { output = Turn() }
            return output
        }
        var budget = Budget(configuration.limits)
        repeat {
            hasNewWork = false
            demoteLessorIfDeposed()
            tendUpkeep()
            flushProposals()
            beginReadRound()
            settle()
            demoteLessorIfDeposed()
            applyCommitted(within: &budget)
            answerReads()
            answerAppliedWaiters()
            budget.spendRound()
        } while !budget.isSpent && (raft.hasReady || hasNewWork)

        output.log = commitWaited ? logWrites.takeHeldBack() : logWrites.take()
        commitWaited = false
        sealBackendBatch(isDue: backendDue)
        output.hasMore = !applyQueue.isEmpty || raft.hasReady || hasNewWork
        if applyQueue.isEmpty, keyspace.compactStep() == .working { output.hasMore = true }
        defer { output = Turn() }
        return output
    }

    /// Takes over everything Raft has decided.
    private func settle() {
        while let ready = raft.ready() {
            if let softState = ready.softState { noteLeader(softState) }
            for state in ready.readStates { reads.confirm(state.context, at: state.index) }
            for message in ready.messages { dispatch(message) }
        }
    }

    private func dispatch(_ message: Message) {
        switch message.to {
        case .localAppendThread:
            // Handed to the log, and at the same time to Raft's own view of it.
            if let snapshot = message.snapshot { replaceLog(by: snapshot) }
            log.append(message.entries)
            deliver(logWrites.stage(message))
        case .localApplyThread:
            applyQueue.append(message)
        default:
            if message.kind == .snapshot {
                orderSnapshot(message)
            } else if message.kind == .vote {
                logWrites.hold(message)
            } else {
                output.messages.append(message)
            }
        }
    }

    private func noteLeader(_ state: SoftState) {
        guard state.leader != knownLeader else { return }
        let former = knownLeader
        knownLeader = state.leader
        output.leaderChanged = true
        hasNewWork = true
        if state.leader == .none {
            logger.info("lost the leader", metadata: ["leader": "\(former)", "term": "\(term)"])
            return
        }
        leaderSince = now
        upkeep.leaderChanged()
        for reader in reads.takeRound() { reader.reply(.leaderChanged) }
        logger.info(
            state.role == .leader ? "became leader" : "follows a leader",
            metadata: ["leader": "\(state.leader)", "term": "\(term)"]
        )
    }

    /// Sends the pending writes on to the backend, one batch at a time, when it is time or there
    /// are many of them.
    private func sealBackendBatch(isDue: Bool) {
        let isLarge =
            keyspace.pendingOperations >= configuration.limits.operationsPerBatch
            || keyspace.pendingBytes >= configuration.limits.pendingBytes / 4
        guard backendBatch == nil, isDue || isLarge, let batch = keyspace.sealBatch() else {
            return
        }
        backendBatch = (batch.number, appliedIndex)
        output.backend = batch
    }
}

/// What one turn may still apply.
struct Budget {
    private var entries: Int
    private var bytes: Int

    init(_ limits: MemberConfiguration.Limits) {
        entries = limits.entriesPerTurn
        bytes = limits.bytesPerTurn
    }

    var isSpent: Bool {
        entries <= 0 || bytes <= 0
    }

    /// Going round costs, too: an answer may make its receiver ask again at once.
    mutating func spendRound() {
        entries -= 1
    }

    mutating func spend(_ entry: Entry) {
        entries -= 1
        bytes -= entry.data.count
    }
}
