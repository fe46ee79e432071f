extension RaftNode {
    /// Takes a message from another node or from this node's storage threads.
    ///
    /// A message that breaks the protocol is refused without changing anything. One that shows
    /// that this node has lost what it had promised stops the process.
    package mutating func step(_ message: Message) throws(StepError) {
        let isFromStorage =
            message.from == .localAppendThread || message.from == .localApplyThread
        if message.kind.isLocal, !isFromStorage { throw .localMessage }
        if message.kind.isResponse, !isFromStorage, tracker.position(of: message.from) == nil {
            throw .peerNotFound
        }
        if let fault = message.fault { throw .malformed(fault) }
        if let fault = fault(in: message) { throw .malformed(fault) }
        do {
            try handle(message)
        } catch {
            throw .proposalDropped(error)
        }
    }

    /// What contradicts this node's own state.
    private func fault(in message: Message) -> String? {
        let isFromNobodyElse = message.from == id || message.from == .none
        if message.kind.isRequest, isFromNobodyElse { return "nobody else sent it" }
        switch message.kind {
        case .appendResponse
        where role == .leader && message.term == term && !message.reject
            && message.index > log.lastIndex:
            return "an entry is acknowledged that was never sent"
        case .snapshot:
            guard let state = message.snapshot?.confState else { return nil }
            let empty = ProgressTracker(maxInflightMessages: 1)
            let restored = Result { () throws(ConfChangeError) in
                try ConfChanger.restoring(state, into: empty, lastIndex: .zero)
            }
            if case .failure(let error) = restored { return error.description }
            return nil
        default:
            return nil
        }
    }

    /// Settles whose term it is, then lets the role decide.
    mutating func handle(_ message: Message) throws(ProposalDropped) {
        if message.term > term {
            guard followNewTerm(of: message) else { return }
        } else if message.term < term, message.term != .zero {
            answerOldTerm(of: message)
            return
        }
        switch message.kind {
        case .storageAppendResponse:
            if message.index > .zero {
                log.stabilize(term: message.logTerm, index: message.index)
            }
            if let snapshot = message.snapshot { installed(snapshot) }
        case .storageApplyResponse:
            guard let last = message.entries.last else { return }
            applied(to: last.index, size: message.entries.encodedSize)
            uncommittedSize = max(0, uncommittedSize - message.entries.payloadSize)
        case .vote, .preVote:
            answerVote(message)
        default:
            switch role {
            case .leader: try handleAsLeader(message)
            case .candidate, .preCandidate: try handleAsCandidate(message)
            case .follower: try handleAsFollower(message)
            }
        }
    }

    /// A message of a later term ends this node's own. False when the message is to be ignored.
    private mutating func followNewTerm(of message: Message) -> Bool {
        switch message.kind {
        case .vote, .preVote:
            let isForced = message.context == Self.transferContext
            let hasLease =
                configuration.checkQuorum && leader != .none
                && electionElapsed < configuration.electionTicks
            // The leader was heard from lately: neither the term nor the vote goes elsewhere.
            if hasLease, !isForced { return false }
            // Asking whether an election would be won changes nobody's term.
            if message.kind == .vote { becomeFollower(term: message.term, leader: .none) }
        case .preVoteResponse where !message.reject:
            // Granted for the term that we would campaign in.
            break
        case .append, .heartbeat, .snapshot:
            becomeFollower(term: message.term, leader: message.from)
        default:
            becomeFollower(term: message.term, leader: .none)
        }
        return true
    }

    private mutating func answerOldTerm(of message: Message) {
        switch message.kind {
        case .heartbeat, .append:
            // With either option a node whose term has run ahead (while it was cut off) can not
            // get its leader's attention by asking for votes. So it answers the leader with its
            // term: the leader steps down and the next election includes this node.
            if configuration.checkQuorum || configuration.preVote {
                send(Message(kind: .appendResponse, to: message.from))
            }
        case .preVote:
            // Not answering could lock up a group in which only some use pre-votes.
            send(Message(kind: .preVoteResponse, to: message.from, term: term, reject: true))
        case .storageAppendResponse:
            // The entries may have been replaced since, by equal ones even: see
            // `storageAppendResponse`. A snapshot is committed and stays what it is.
            if let snapshot = message.snapshot { installed(snapshot) }
        default:
            break
        }
    }

    private mutating func installed(_ snapshot: Snapshot) {
        log.stabilizeSnapshot(snapshot.index)
        applied(to: snapshot.index, size: 0)
    }

    /// The state machine has got to `index`.
    mutating func applied(to index: LogIndex, size: Int) {
        let index = max(index, log.applied)
        log.applied(to: index, size: size)
        guard tracker.configuration.autoLeave, role == .leader, index >= pendingConfIndex else {
            return
        }
        // An empty change ends the joint configuration. It may be dropped while leadership is
        // being handed over; then the next leader does this, or this one with the next entry.
        let entry = Entry(term: .zero, index: .zero, kind: .confChangeV2)
        _ = try? append(proposals: [entry])
    }
}

// MARK: - What a message may be
extension Message.Kind {
    /// Only ever given by a node to itself.
    fileprivate var isLocal: Bool {
        switch self {
        case .hup, .beat, .unreachable, .snapshotStatus, .checkQuorum, .storageAppend,
            .storageAppendResponse, .storageApply, .storageApplyResponse:
            true
        default: false
        }
    }

    /// Of a leader or candidate to another node.
    fileprivate var isRequest: Bool {
        switch self {
        case .append, .heartbeat, .snapshot, .vote, .preVote, .timeoutNow: true
        default: false
        }
    }

    fileprivate var isResponse: Bool {
        switch self {
        case .appendResponse, .voteResponse, .heartbeatResponse, .unreachable,
            .readIndexResponse, .preVoteResponse, .storageAppendResponse, .storageApplyResponse:
            true
        default: false
        }
    }
}

extension Message {
    /// What is wrong with the message by itself, whoever takes it.
    fileprivate var fault: String? {
        // Room for adding to any of them.
        let limit = UInt64(1) << 62
        let numbers = term.rawValue | logTerm.rawValue | index.rawValue | commit.rawValue
        guard (numbers | rejectHint.rawValue) < limit else { return "a number out of bounds" }
        switch kind {
        case .append: return appendFault
        case .propose: return proposalFault
        case .readIndex, .readIndexResponse:
            return entries.count == 1 ? nil : "a read must have one context"
        case .vote, .preVote, .voteResponse, .preVoteResponse, .heartbeat, .snapshot,
            .appendResponse, .heartbeatResponse, .timeoutNow:
            if term == .zero { return "no term" }
            guard let snapshot else { return nil }
            return (snapshot.index.rawValue | snapshot.term.rawValue) < limit
                ? nil : "a number out of bounds"
        default: return nil
        }
    }

    private var appendFault: String? {
        if term == .zero { return "no term" }
        var previousTerm = logTerm
        var next = index + 1
        for entry in entries {
            guard entry.index == next else { return "entries are not consecutive" }
            guard entry.term >= previousTerm, entry.term <= term else {
                return "the entries' terms are out of order"
            }
            previousTerm = entry.term
            next = next + 1
        }
        return nil
    }

    private var proposalFault: String? {
        if entries.isEmpty { return "an empty proposal" }
        for entry in entries where entry.kind != .normal && entry.confChange == nil {
            return "a configuration change that cannot be read"
        }
        return nil
    }
}

extension Entry {
    /// The configuration change in the entry; nil when it is another kind or cannot be read.
    package var confChange: ConfChangeV2? {
        switch kind {
        case .normal: nil
        case .confChange: (try? ConfChange(decoding: data))?.v2
        case .confChangeV2: try? ConfChangeV2(decoding: data)
        }
    }
}
