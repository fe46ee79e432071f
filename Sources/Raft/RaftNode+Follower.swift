extension RaftNode {
    mutating func handleAsFollower(_ message: Message) throws(ProposalDropped) {
        switch message.kind {
        case .propose:
            if leader == .none { throw .noLeader }
            if configuration.disableProposalForwarding { throw .forwardingDisabled }
            passToLeader(message)
        case .append:
            follow(message.from)
            handleAppend(message)
        case .heartbeat:
            follow(message.from)
            handleHeartbeat(message)
        case .snapshot:
            follow(message.from)
            handleSnapshot(message)
        case .transferLeader, .readIndex:
            if leader != .none { passToLeader(message) }
        case .forgetLeader:
            // With leases somebody else's read may rely on this node following.
            if configuration.readOnly != .leaseBased { leader = .none }
        case .timeoutNow:
            campaignForTransfer()
        case .readIndexResponse:
            readStates.append(
                ReadState(index: message.index, context: message.entries[0].data)
            )
        default:
            break
        }
    }

    private mutating func follow(_ leader: NodeID) {
        electionElapsed = 0
        self.leader = leader
    }

    private mutating func passToLeader(_ message: Message) {
        var message = message
        message.to = leader
        message.term = .zero
        send(message)
    }

    mutating func handleAppend(_ message: Message) {
        if message.index < log.committed {
            // What lies before the commit index agrees with every leader's log.
            send(Message(kind: .appendResponse, to: message.from, index: log.committed))
            return
        }
        let last = log.append(
            message.entries,
            behind: message.index,
            term: message.logTerm,
            commit: message.commit,
            ignoringTerm: configuration.plantedBugs.contains(.ignoresAppendTerm)
        )
        if let last {
            send(Message(kind: .appendResponse, to: message.from, index: last))
            return
        }
        // The leader's log has terms up to `logTerm` there, so all entries here of later terms
        // cannot agree: hint at the one before them, to save as many round trips.
        let hint = log.conflictPoint(
            before: min(message.index, log.lastIndex),
            term: message.logTerm
        )
        send(
            Message(
                kind: .appendResponse,
                to: message.from,
                logTerm: hint.term,
                index: message.index,
                reject: true,
                rejectHint: hint.index
            )
        )
    }

    mutating func handleHeartbeat(_ message: Message) {
        log.commitTo(message.commit)
        send(Message(kind: .heartbeatResponse, to: message.from, context: message.context))
    }

    mutating func handleSnapshot(_ message: Message) {
        let isRestored = restore(message.snapshot ?? Snapshot())
        send(
            Message(
                kind: .appendResponse,
                to: message.from,
                index: isRestored ? log.lastIndex : log.committed
            )
        )
    }

    /// Makes the snapshot the beginning of the log. False when it is of no use.
    private mutating func restore(_ snapshot: Snapshot) -> Bool {
        invariant(role == .follower, "\(role) restores a snapshot")
        if snapshot.index <= log.committed { return false }
        let state = snapshot.confState
        // Much relies on a node finding itself in the group.
        guard (state.voters + state.learners + state.votersOutgoing).contains(id) else {
            return false
        }
        if log.matches(term: snapshot.term, at: snapshot.index) {
            // All of it is in the log already; only that it is committed is news.
            log.commitTo(snapshot.index)
            return false
        }
        log.restore(snapshot)
        tracker = ProgressTracker(
            maxInflightMessages: tracker.maxInflightMessages,
            maxInflightBytes: tracker.maxInflightBytes
        )
        tracker.plantedBugs = configuration.plantedBugs
        let changer = Result { () throws(ConfChangeError) in
            try ConfChanger.restoring(state, into: tracker, lastIndex: log.lastIndex)
        }
        guard case .success(let outcome) = changer else {
            fatalError("a snapshot was let in that describes no group: \(state)")
        }
        let restored = switchTo(outcome)
        invariant(restored.isEquivalent(to: state), "\(restored) was restored from \(state)")
        return true
    }
}
