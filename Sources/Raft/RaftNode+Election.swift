// MARK: - Roles
extension RaftNode {
    /// The context of a vote request that must not be refused because of a lease: the leader
    /// itself has asked for the election.
    static let transferContext = Array("CampaignTransfer".utf8)

    mutating func becomeFollower(term: Term, leader: NodeID) {
        restart(term: term)
        self.leader = leader
        role = .follower
    }

    private mutating func becomeCandidate() {
        invariant(role != .leader, "a leader becomes a candidate")
        restart(term: term + 1)
        vote = id
        role = .candidate
    }

    /// Neither the term nor the vote changes.
    private mutating func becomePreCandidate() {
        invariant(role != .leader, "a leader becomes a candidate")
        tracker.forgetVotes()
        leader = .none
        role = .preCandidate
    }

    private mutating func becomeLeader() {
        invariant(role == .candidate, "\(role) becomes the leader")
        restart(term: term)
        leader = id
        role = .leader
        guard let own = tracker.position(of: id) else {
            fatalError("\(id) leads a group that it is not in")
        }
        tracker.progress[own].becomeReplicate()
        tracker.progress[own].recentActive = true
        // There may be a change among the entries that are not applied: none is proposed until
        // they are. Looking for it could mean reading much of the log.
        pendingConfIndex = log.lastIndex
        // Entries of former terms are committed only together with one of this term.
        let isAppended = append([Entry(term: .zero, index: .zero)])
        invariant(isAppended, "the first entry of the term is refused")
    }

    /// What a change of role or term forgets.
    private mutating func restart(term: Term) {
        invariant(term >= self.term, "the term falls from \(self.term) to \(term)")
        if term != self.term {
            self.term = term
            vote = .none
        }
        leader = .none
        electionElapsed = 0
        heartbeatElapsed = 0
        randomizedElectionTimeout = timer.timeout(base: configuration.electionTicks)
        leadTransferee = .none
        tracker.forgetVotes()
        tracker.restart(lastIndex: log.lastIndex, own: id)
        pendingConfIndex = .zero
        uncommittedSize = 0
        readOnly.removeAll()
        pendingReads = []
    }
}

// MARK: - Campaigns
extension RaftNode {
    private enum Campaign {
        case preElection
        case election
        /// The leader hands over; no pre-vote is needed, nobody is cut off.
        case transfer
    }

    /// A voter that is not waiting for a snapshot to be installed.
    var isPromotable: Bool {
        guard let own = tracker.position(of: id) else { return false }
        return !tracker.progress[own].isLearner && log.unstable.snapshot == nil
    }

    /// Asks for an election, as if the leader had not been heard from.
    package mutating func campaign() {
        startCampaign(configuration.preVote ? .preElection : .election)
    }

    /// The leader has asked this node to take over.
    mutating func campaignForTransfer() {
        startCampaign(.transfer)
    }

    private mutating func startCampaign(_ campaign: Campaign) {
        // A change that is committed but not applied could make this the wrong group to ask.
        if role == .leader || !isPromotable || log.hasUnappliedConfChange { return }
        run(campaign)
    }

    private mutating func run(_ campaign: Campaign) {
        let request: Message.Kind
        let response: Message.Kind
        let campaignTerm: Term
        if campaign == .preElection {
            becomePreCandidate()
            (request, response) = (.preVote, .preVoteResponse)
            campaignTerm = term + 1
        } else {
            becomeCandidate()
            (request, response) = (.vote, .voteResponse)
            campaignTerm = term
        }
        for voter in tracker.configuration.voters.ids {
            if voter == id {
                // The own vote counts when it is on disk, as everybody else's.
                send(Message(kind: response, to: id, term: campaignTerm))
                continue
            }
            send(
                Message(
                    kind: request,
                    to: voter,
                    term: campaignTerm,
                    logTerm: log.lastTerm,
                    index: log.lastIndex,
                    context: campaign == .transfer ? Self.transferContext : []
                )
            )
        }
    }

    mutating func handleAsCandidate(_ message: Message) throws(ProposalDropped) {
        switch message.kind {
        case .propose:
            throw .noLeader
        case .append:
            becomeFollower(term: message.term, leader: message.from)
            handleAppend(message)
        case .heartbeat:
            becomeFollower(term: message.term, leader: message.from)
            handleHeartbeat(message)
        case .snapshot:
            becomeFollower(term: message.term, leader: message.from)
            handleSnapshot(message)
        case .preVoteResponse where role == .preCandidate,
            .voteResponse where role == .candidate:
            count(message)
        default:
            // Among others votes that were cast in the other kind of campaign.
            break
        }
    }

    private mutating func count(_ response: Message) {
        switch tracker.record(vote: !response.reject, of: response.from) {
        case .won where role == .preCandidate:
            run(.election)
        case .won:
            becomeLeader()
            broadcastAppend()
        case .lost:
            // A pre-vote's answer may carry the future term; this node stays in its own.
            becomeFollower(term: term, leader: .none)
        case .pending:
            break
        }
    }
}

// MARK: - Votes
extension RaftNode {
    /// Decides on somebody's candidacy. Learners vote too: the candidate may know of a promotion
    /// that has not reached this node.
    mutating func answerVote(_ message: Message) {
        let isFree =
            vote == message.from
            || (vote == .none && leader == .none)
            || (message.kind == .preVote && message.term > term)
        let isGranted =
            isFree && log.isUpToDate(term: message.logTerm, index: message.index)
        send(
            Message(
                kind: message.kind == .vote ? .voteResponse : .preVoteResponse,
                to: message.from,
                // A granted pre-vote is for the term asked about, else it would be stale there.
                term: isGranted ? message.term : term,
                reject: !isGranted
            )
        )
        if isGranted, message.kind == .vote {
            electionElapsed = 0
            vote = message.from
        }
    }
}
