extension RaftNode {
    mutating func handleAsLeader(_ message: Message) throws(ProposalDropped) {
        switch message.kind {
        case .propose:
            try append(proposals: message.entries)
            return
        case .readIndex:
            handleRead(message)
            return
        default:
            break
        }
        guard let peer = tracker.position(of: message.from) else { return }
        switch message.kind {
        case .appendResponse: handleAppendResponse(message, of: peer)
        case .heartbeatResponse: handleHeartbeatResponse(message, of: peer)
        case .transferLeader: startTransfer(to: peer)
        case .snapshotStatus: handleSnapshotStatus(failed: message.reject, of: peer)
        case .unreachable: handleUnreachable(peer)
        default: break
        }
    }

    /// Steps down when a quorum has been silent for an election timeout.
    mutating func checkQuorum() {
        if !tracker.isQuorumActive { becomeFollower(term: term, leader: .none) }
        for peer in tracker.progress.indices where tracker.progress[peer].id != id {
            tracker.progress[peer].recentActive = false
        }
    }

    /// Commits what a quorum has, if it ends with an entry of this term: those of former terms
    /// could still be replaced.
    mutating func advanceCommit() -> Bool {
        let index = tracker.committed
        guard index > log.committed else { return false }
        guard
            log.matches(term: term, at: index)
                || configuration.plantedBugs.contains(.commitsOldTerms)
        else { return false }
        log.commitTo(index)
        return true
    }

    private mutating func handleAppendResponse(_ message: Message, of peer: Int) {
        tracker.progress[peer].recentActive = true
        if message.reject {
            handleRejection(message, of: peer)
            return
        }
        let isNews = tracker.progress[peer].acknowledge(message.index)
        let endsProbe =
            tracker.progress[peer].state == .probe
            && tracker.progress[peer].match == message.index
        guard isNews || endsProbe else { return }

        switch tracker.progress[peer].state {
        case .probe:
            tracker.progress[peer].becomeReplicate()
        case .snapshot where tracker.progress[peer].match + 1 >= log.firstIndex:
            // Whatever snapshot it has installed, the log can take it from there.
            tracker.progress[peer].becomeProbe()
            tracker.progress[peer].becomeReplicate()
        case .snapshot:
            break
        case .replicate:
            tracker.progress[peer].freeInflights(upTo: message.index)
        }

        let isOwn = message.from == id
        if advanceCommit() {
            releasePendingReads()
            broadcastAppend()
        } else if !isOwn, tracker.progress[peer].canBumpCommit(log.committed) {
            sendAppend(to: peer)
        }
        // The window may have opened for several messages.
        if !isOwn {
            while sendAppend(to: peer, evenIfEmpty: false) {}
        }
        if message.from == leadTransferee, tracker.progress[peer].match == log.lastIndex {
            send(Message(kind: .timeoutNow, to: leadTransferee))
        }
    }

    /// The logs do not agree where the append was to go; go back as far as is certainly needed.
    ///
    ///     index        1 2 3 4 5 6 7 8 9
    ///     leader       1 3 3 3 5 5 5 5 5      the probe behind 9 is refused with
    ///     follower     1 1 1 1 2 2            hint 6 and term 2 there
    ///
    /// At 6 down to 2 the leader's terms are larger than 2 and the follower's are not, so the next
    /// probe is behind 1.
    private mutating func handleRejection(_ message: Message, of peer: Int) {
        var hint = message.rejectHint
        if message.logTerm > .zero {
            hint = log.conflictPoint(before: hint, term: message.logTerm).index
        }
        guard tracker.progress[peer].retreat(rejected: message.index, hint: hint) else { return }
        if tracker.progress[peer].state == .replicate { tracker.progress[peer].becomeProbe() }
        sendAppend(to: peer)
    }

    private mutating func handleHeartbeatResponse(_ message: Message, of peer: Int) {
        tracker.progress[peer].recentActive = true
        tracker.progress[peer].resume()
        // Through a full window this sends an empty append: if all that filled it was lost, the
        // answer shows it. A probed node that has everything is found out the same way.
        if tracker.progress[peer].match < log.lastIndex || tracker.progress[peer].state == .probe {
            sendAppend(to: peer)
        }
        confirmReads(message)
    }

    private mutating func handleSnapshotStatus(failed: Bool, of peer: Int) {
        guard tracker.progress[peer].state == .snapshot else { return }
        if failed { tracker.progress[peer].forgetSnapshot() }
        tracker.progress[peer].becomeProbe()
        // Wait for the answer that follows a snapshot, or for a heartbeat's to try again.
        tracker.progress[peer].pause()
    }

    private mutating func handleUnreachable(_ peer: Int) {
        // Appends that were sent ahead are probably lost.
        if tracker.progress[peer].state == .replicate { tracker.progress[peer].becomeProbe() }
    }

    private mutating func startTransfer(to peer: Int) {
        let transferee = tracker.progress[peer].id
        if tracker.progress[peer].isLearner || transferee == leadTransferee { return }
        leadTransferee = .none
        if transferee == id { return }
        // It has an election timeout to take over.
        electionElapsed = 0
        leadTransferee = transferee
        if tracker.progress[peer].match == log.lastIndex {
            send(Message(kind: .timeoutNow, to: transferee))
        } else {
            sendAppend(to: peer)
        }
    }
}

// MARK: - What the owner tells a leader
extension RaftNode {
    /// Asks the leader, through this node or directly, to hand over to a voter.
    package mutating func transferLeadership(to transferee: NodeID) {
        handleLocal(Message(kind: .transferLeader, from: transferee))
    }

    /// Makes a follower look for another leader as if it had none, in the same term: it grants
    /// pre-votes and votes, and campaigns at its election timeout. Ignored with lease-based reads.
    package mutating func forgetLeader() {
        handleLocal(Message(kind: .forgetLeader))
    }

    /// The last message to a node could not be delivered.
    package mutating func reportUnreachable(_ peer: NodeID) {
        handleLocal(Message(kind: .unreachable, from: peer))
    }

    /// The snapshot that was sent to a node has arrived there, or has not.
    package mutating func reportSnapshot(_ peer: NodeID, failed: Bool) {
        handleLocal(Message(kind: .snapshotStatus, from: peer, reject: failed))
    }

    private mutating func handleLocal(_ message: Message) {
        let outcome = Result { () throws(ProposalDropped) in try handle(message) }
        if case .failure(let error) = outcome { fatalError("\(message.kind): \(error)") }
    }
}
