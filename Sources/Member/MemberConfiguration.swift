package import EtcdProto
import Keyspace
package import Raft

/// What a member is told about itself when its process starts. Times are counted in ticks.
package struct MemberConfiguration: Sendable {
    package var name: String
    package var memberID: MemberID
    package var clusterID: ClusterID
    /// Where peers reach this member; published only at bootstrap, later changed by member update.
    package var peerURLs: [String]
    /// Where clients reach this member; published through the log after every start.
    package var clientURLs: [String]
    /// The version announced to peers; the leader takes the lowest of all members' versions.
    package var serverVersion = ServerVersion(major: 3, minor: 6, patch: 0)

    /// The length of one tick; everything else here that is a time counts ticks.
    package var tickMilliseconds = 100
    package var electionTicks = 10
    package var heartbeatTicks = 1
    package var preVote = true
    /// Whether a member that has just started campaigns up to an election timeout sooner, once two
    /// others are connected: etcd's `--initial-election-tick-advance`.
    package var hastensFirstElection = true

    /// How many entries are applied between two compactions of the log.
    package var snapshotCount: UInt64 = 10_000
    /// How many entries a compaction leaves for slow followers, at least.
    package var catchUpEntries: UInt64 = 5_000
    /// How many bytes of entries a compaction leaves for slow followers, at most, beyond
    /// `catchUpEntries`.
    package var catchUpBytes = 64 << 20
    /// How many bytes of entries a leader keeps for a follower that is further behind than
    /// `catchUpBytes`; beyond it the follower needs a snapshot.
    package var laggardBytes = 256 << 20

    package var maxRequestBytes = 1_572_864
    /// The backend size above which writes are refused; 0 means etcd's default of 2 GiB, negative
    /// means none.
    package var quotaBackendBytes: Int64 = 0
    /// Nil: history is kept until somebody asks for a compaction.
    package var autoCompaction: AutoCompaction.Policy?
    /// Keys and rows that one step of a compaction looks at.
    package var compactionBatchLimit = 1_000
    /// Whether the shell makes a checksum at each compaction.
    package var hashesCompactions = false
    package var strictReconfigCheck = true
    package var maxLearners = 1

    /// Whether the leader notes now and then in the log how much time is left of leases.
    package var leaseCheckpoint = false
    package var leaseCheckpointSeconds: Int64 = 300
    /// Whether such notes outlive the process also below cluster version 3.6.
    package var leaseCheckpointPersist = false

    /// How much unfinished work is taken before clients are told `too many requests`.
    package var limits = Limits()

    /// For the simulator's tests of itself.
    package var plantedBugs: PlantedBugs = []

    /// Feeds the randomised election timeout; members of one cluster should differ.
    package var seed: UInt64
    /// Unix milliseconds at start, part of every request id.
    package var startMilliseconds: UInt64

    package init(
        name: String,
        memberID: MemberID,
        clusterID: ClusterID,
        peerURLs: [String],
        clientURLs: [String],
        seed: UInt64,
        startMilliseconds: UInt64
    ) {
        self.name = name
        self.memberID = memberID
        self.clusterID = clusterID
        self.peerURLs = peerURLs
        self.clientURLs = clientURLs
        self.seed = seed
        self.startMilliseconds = startMilliseconds
    }

    /// Bounds on what waits inside the member.
    package struct Limits: Sendable {
        /// Entries committed and not yet applied.
        package var unappliedEntries: UInt64 = 5_000
        /// Bytes of proposals and of writes that the backend does not have yet.
        package var pendingBytes = 64 << 20
        /// Entries applied in one turn of the loop.
        package var entriesPerTurn = 1_000
        /// Bytes of entries applied in one turn of the loop.
        package var bytesPerTurn = 4 << 20
        /// Operations after which a batch goes to the backend before its time.
        package var operationsPerBatch = 10_000

        package init() {}
    }

    /// How long etcd lets a request wait: 5 s plus two election timeouts.
    package var requestTimeoutTicks: Int {
        ticks(milliseconds: 5_000) + 2 * electionTicks
    }

    /// How long without a tick a leader may trust that it still leads.
    package static let trustedTicks = 3

    var lessorRules: Lessor.Rules {
        Lessor.Rules(
            tickMilliseconds: tickMilliseconds,
            checkpointSeconds: leaseCheckpoint ? leaseCheckpointSeconds : nil
        )
    }

    /// A lease must outlive the election of a new leader.
    func leaseRules(in clusterVersion: ServerVersion?) -> LeaseRules {
        let milliseconds = 3 * electionTicks / 2 * tickMilliseconds
        let isNew = clusterVersion.map { $0 >= ServerVersion(major: 3, minor: 6) } ?? false
        return LeaseRules(
            minimumTTL: Int64((milliseconds + 999) / 1_000),
            persistsCheckpoints: leaseCheckpointPersist || isNew
        )
    }

    /// The number of ticks that last at least this long.
    package func ticks(milliseconds: Int) -> Int {
        max(1, (milliseconds + tickMilliseconds - 1) / tickMilliseconds)
    }
}
