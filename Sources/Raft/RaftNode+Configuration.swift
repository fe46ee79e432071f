/// A configuration with which no node can run.
package enum ConfigurationError: Error, Hashable, Sendable {
    case noID
    /// The election timeout must be longer than the heartbeat interval, and that positive.
    case ticks(election: Int, heartbeat: Int)
    case noInflightMessages
    /// A window in bytes must have room for one message of the largest size.
    case inflightBytes(Int, belowMessageSize: Int)
    /// Leases come from the quorum check.
    case leaseWithoutCheckQuorum
    /// The log's snapshot does not describe a possible group.
    case confState(ConfChangeError)
}

extension RaftNode {
    /// How a node is set up. Times are in ticks, sizes in bytes.
    package struct Configuration {
        package var id: NodeID
        /// Holds what the node had before it was stopped: the group in `snapshot.confState`, the
        /// hard state, the entries.
        package var log: MemoryLog
        /// What the state machine has applied already; it is not handed out again.
        package var applied: LogIndex
        /// A follower campaigns after `electionTicks` to twice as many without its leader.
        package var electionTicks: Int
        package var heartbeatTicks: Int
        /// Storage work leaves as messages to the local threads, and their answers come back by
        /// `step`.
        package var asyncStorageWrites: Bool
        /// Of the entries of one append; one entry may be larger.
        package var maxSizePerMessage: Int
        /// Of the committed entries that are handed out and not yet applied.
        package var maxCommittedSizePerReady: Int
        /// Of commands in a leader's log that are not applied yet; beyond it proposals are
        /// dropped.
        package var maxUncommittedSize: Int
        /// Of appends on their way to one follower.
        package var maxInflightMessages: Int
        package var maxInflightBytes: Int
        /// A leader that has not heard from a quorum for an election timeout steps down, and a
        /// follower that has heard from its leader in that time does not vote.
        package var checkQuorum: Bool
        /// Ask before disturbing the group with a new term.
        package var preVote: Bool
        package var readOnly: ReadOnlyMode
        /// A follower drops proposals instead of passing them to its leader.
        package var disableProposalForwarding: Bool
        /// Lets every configuration change into the log; the proposer has checked it.
        package var disableConfChangeValidation: Bool
        /// A leader that is removed or demoted steps down when it applies that.
        package var stepDownOnRemoval: Bool
        /// Decides all randomized election timeouts.
        package var seed: UInt64
        /// For the simulator's tests of itself.
        package var plantedBugs: PlantedBugs = []

        package init(
            id: NodeID,
            log: MemoryLog,
            applied: LogIndex = .zero,
            electionTicks: Int = 10,
            heartbeatTicks: Int = 1,
            asyncStorageWrites: Bool = false,
            maxSizePerMessage: Int = 1 << 20,
            maxCommittedSizePerReady: Int? = nil,
            maxUncommittedSize: Int = .max,
            maxInflightMessages: Int = 512,
            maxInflightBytes: Int = .max,
            checkQuorum: Bool = false,
            preVote: Bool = false,
            readOnly: ReadOnlyMode = .safe,
            disableProposalForwarding: Bool = false,
            disableConfChangeValidation: Bool = false,
            stepDownOnRemoval: Bool = false,
            seed: UInt64
        ) {
            self.id = id
            self.log = log
            self.applied = applied
            self.electionTicks = electionTicks
            self.heartbeatTicks = heartbeatTicks
            self.asyncStorageWrites = asyncStorageWrites
            self.maxSizePerMessage = maxSizePerMessage
            self.maxCommittedSizePerReady = maxCommittedSizePerReady ?? maxSizePerMessage
            self.maxUncommittedSize = maxUncommittedSize
            self.maxInflightMessages = maxInflightMessages
            self.maxInflightBytes = maxInflightBytes
            self.checkQuorum = checkQuorum
            self.preVote = preVote
            self.readOnly = readOnly
            self.disableProposalForwarding = disableProposalForwarding
            self.disableConfChangeValidation = disableConfChangeValidation
            self.stepDownOnRemoval = stepDownOnRemoval
            self.seed = seed
        }

        func check() throws(ConfigurationError) {
            if id == .none || id >= .localApplyThread { throw .noID }
            if heartbeatTicks <= 0 || electionTicks <= heartbeatTicks {
                throw .ticks(election: electionTicks, heartbeat: heartbeatTicks)
            }
            if maxInflightMessages <= 0 { throw .noInflightMessages }
            if maxInflightBytes < max(1, maxSizePerMessage) {
                throw .inflightBytes(maxInflightBytes, belowMessageSize: maxSizePerMessage)
            }
            if readOnly == .leaseBased && !checkQuorum { throw .leaseWithoutCheckQuorum }
        }
    }
}
