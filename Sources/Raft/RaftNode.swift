/// Why a proposal is not in the log. It may be tried again, later or elsewhere.
package enum ProposalDropped: Error, Hashable, Sendable {
    case noLeader
    /// This node follows, and is configured not to pass proposals on.
    case forwardingDisabled
    /// The leader is no longer of the group.
    case notMember
    /// Leadership is being handed over.
    case transferringLeadership
    /// Too much of the log waits to be applied.
    case uncommittedSizeExceeded
}

/// Why a message was not taken.
package enum StepError: Error, Hashable, Sendable {
    /// A message that a node only ever gives itself came from outside.
    case localMessage
    /// An answer of a node that is not of the group.
    case peerNotFound
    /// A message that no correct node sends; what is wrong with it.
    case malformed(String)
    case proposalDropped(ProposalDropped)
}

/// One node of a consensus group, as etcd-io/raft 3.6 behaves: a value that is given messages and
/// ticks and leaves work to be done in a `Ready`. It does no I/O and knows no clock.
///
/// The owner's loop: give it everything that has come in (`tick`, `step`, `propose`, `readIndex`),
/// then take `ready()` and do what it says, in its order; in synchronous mode `advance` afterwards.
///
/// Where to read on: `RaftNode+Step` (terms), `+Election`, `+Leader`, `+Replication`, `+Follower`,
/// `+Proposals`, `+Reads`, `+Membership`, `Ready`.
package struct RaftNode {
    package let id: NodeID
    let configuration: Configuration

    var term = Term.zero
    var vote = NodeID.none
    var leader = NodeID.none
    var role = Role.follower
    var log: RaftLog
    var tracker: ProgressTracker

    /// Messages that may leave at once.
    var messages: [Message] = []
    /// Messages that promise something: they may leave when all that is unstable now is on disk.
    /// Also those to this node itself.
    var messagesAfterAppend: [Message] = []
    var readStates: [ReadState] = []

    // As a leader.
    var readOnly = ReadOnly()
    /// Reads that came before this leader has committed anything.
    var pendingReads: [Message] = []
    var leadTransferee = NodeID.none
    /// No configuration change is proposed until this index is applied: there may be one before.
    var pendingConfIndex = LogIndex.zero
    /// The bytes of commands that are not applied; may be too small, after an election.
    var uncommittedSize = 0

    /// Ticks since the leader was heard from, or as a leader since the last quorum check.
    var electionElapsed = 0
    var heartbeatElapsed = 0
    var randomizedElectionTimeout = 0
    var timer: ElectionTimer

    /// What the last `Ready` said.
    var accepted: Accepted

    /// A node that starts, or starts again, with what its log holds.
    package init(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.check()
        id = configuration.id
        self.configuration = configuration
        log = RaftLog(
            storage: configuration.log,
            maxApplyingSize: configuration.maxCommittedSizePerReady
        )
        tracker = ProgressTracker(
            maxInflightMessages: configuration.maxInflightMessages,
            maxInflightBytes: configuration.maxInflightBytes
        )
        tracker.plantedBugs = configuration.plantedBugs
        timer = ElectionTimer(seed: configuration.seed)
        accepted = Accepted()
        do {
            (tracker.configuration, tracker.progress) = try ConfChanger.restoring(
                configuration.log.snapshot.confState,
                into: tracker,
                lastIndex: log.lastIndex
            )
        } catch {
            throw .confState(error)
        }
        let hardState = configuration.log.hardState
        if hardState != HardState() {
            log.restoreCommit(hardState.commit)
            term = hardState.term
            vote = hardState.vote
        }
        if configuration.applied > .zero { log.applied(to: configuration.applied, size: 0) }
        becomeFollower(term: term, leader: .none)
        accepted.softState = softState
        accepted.hardState = self.hardState
    }

    var softState: SoftState { SoftState(leader: leader, role: role) }

    var hardState: HardState { HardState(term: term, vote: vote, commit: log.committed) }
}

// MARK: - Time
extension RaftNode {
    /// One unit of time has passed.
    package mutating func tick() {
        role == .leader ? tickAsLeader() : tickTowardsElection()
    }

    private mutating func tickTowardsElection() {
        electionElapsed += 1
        if isPromotable, electionElapsed >= randomizedElectionTimeout {
            electionElapsed = 0
            campaign()
        }
    }

    /// As if nobody had led for an election timeout but one tick; how much longer the node waits is
    /// still up to chance. Nothing happens where a leader is known.
    package mutating func hastenElection() {
        guard role == .follower, leader == .none else { return }
        electionElapsed = max(electionElapsed, configuration.electionTicks - 1)
    }

    private mutating func tickAsLeader() {
        heartbeatElapsed += 1
        electionElapsed += 1
        if electionElapsed >= configuration.electionTicks {
            electionElapsed = 0
            if configuration.checkQuorum { checkQuorum() }
            // The transferee has had its time.
            if role == .leader { leadTransferee = .none }
        }
        if role == .leader, heartbeatElapsed >= configuration.heartbeatTicks {
            heartbeatElapsed = 0
            broadcastHeartbeat()
        }
    }

    /// The ticks without a leader after which this node campaigns; for tests. Drawn anew whenever
    /// the node changes its role or term.
    package mutating func setRandomizedElectionTimeout(_ ticks: Int) {
        randomizedElectionTimeout = ticks
    }
}

// MARK: - Sending
extension RaftNode {
    /// Puts a message where it has to wait. The term is filled in, but for votes, which say theirs.
    mutating func send(_ message: consuming Message) {
        if message.from == .none { message.from = id }
        switch message.kind {
        case .vote, .voteResponse, .preVote, .preVoteResponse:
            invariant(message.term != .zero, "a vote without a term")
        case .propose, .readIndex:
            // These are passed on like local ones, whatever the term.
            invariant(message.term == .zero, "a proposal with a term")
        default:
            invariant(message.term == .zero, "the term of \(message.kind) is set by sending it")
            message.term = term
        }
        switch message.kind {
        case .appendResponse, .voteResponse, .preVoteResponse:
            // What these say must be on disk first. A refusal could leave at once; it is rare.
            messagesAfterAppend.append(message)
        default:
            invariant(message.to != id, "\(message.kind) is sent to oneself")
            messages.append(message)
        }
    }
}
