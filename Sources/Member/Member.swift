package import EtcdProto
package import Keyspace
package import Logging
package import Raft
package import Storage

/// One member of an etcd cluster, without its sockets, threads and clock: consensus, log and
/// keyspace as one synchronous object. The shell that owns it gives it everything that happens
/// (ticks, messages, requests, disks that are done) and then takes one `turn()`, in which the
/// member does all the work that has become possible and says what the shell has to do.
///
///     tick, receive, propose, read, logged, committed  ->  Member  ->  turn(): Turn, replies
///
/// An entry's way: propose -> `Turn.log` -> (durable) -> `logged` -> messages, commit -> applied
/// to the keyspace -> reply -> `Turn.backend` -> (durable) -> `committed`. Only entries durable in
/// the own log are applied, so the backend can never be ahead of it.
///
/// Replies are called inside `turn` and `tick`; they may call `propose` and `read`, nothing else.
///
/// Where to read on: `Member+Turn` (the loop), `+Proposals`, `+Reads`, `+Apply`, `+Membership`,
/// `+Upkeep` (what a member does of its own accord), `+Leases`, `+Compaction`, `+Snapshots`,
/// `Startup` (what is true at start).
package final class Member {
    package let configuration: MemberConfiguration
    package let keyspace: Keyspace
    let logger: Logger

    // Consensus.
    var raft: RaftNode
    let log: MemoryLog
    var logWrites: LogWrites
    /// A commit index held back has waited for a tick: it goes to the log in the next turn.
    var commitWaited = false
    var applyQueue = ApplyQueue()
    /// The last entry applied to the keyspace.
    package internal(set) var appliedIndex: LogIndex
    package internal(set) var membership: Membership
    /// Raft's group, as of the same entry.
    package internal(set) var confState: ConfState

    // Requests.
    var requestIDs: RequestIDs
    var waiters = Waiters()
    var proposals = ProposalQueue()
    var reads = ReadRounds()
    /// Something has come up that going round once more can act on: a request, a new leader, a
    /// change of the group.
    var hasNewWork = false
    /// Changes that are applied, whose proposers are answered when Raft knows of it too: only then
    /// the next change can be proposed.
    var appliedChanges: [() -> Void] = []

    // Time, and what depends on it.
    var now: Tick = 0
    /// As of the last turn.
    var knownLeader = NodeID.none
    var leaderSince: Tick = 0
    var connections: [MemberID: Tick] = [:]
    private var hasHastenedElection = false
    var peerVersions: [MemberID: ServerVersion] = [:]
    var upkeep = Upkeep()
    /// Nil when nothing is compacted without being asked for.
    var autoCompaction: AutoCompaction?
    var leaseBook: LeaseBook

    // Disks.
    let backend: any Backend
    let quota: Quota
    /// Those who wait for this member's alarm that it has no space left.
    var spaceAlarmWaiters: [() -> Void] = []
    var logCompaction: LogCompaction
    var installation = Installation.none
    /// Followers to which the shell is sending a snapshot.
    var snapshotsUnderWay: [MemberID] = []
    /// The log is not cut off before.
    var keepsLogUntil: Tick = 0
    /// The batch that the backend is committing, and the last entry in it.
    var backendBatch: (number: UInt64, applied: LogIndex)?
    /// The last entry whose effect is durable in the backend.
    var durableAppliedIndex: LogIndex

    /// What the next turn gives to the shell.
    var output = Turn()

    /// A member that goes on from what its log and its keyspace hold. `contents` is what
    /// `Startup.openLog` read, bootstrap entries included; `backend` is the keyspace's.
    package init(
        configuration: MemberConfiguration,
        keyspace: Keyspace,
        backend: any Backend,
        contents: WAL.Contents,
        logger: Logger
    ) throws(StartError) {
        let state = try RecoveredState(contents: contents, keyspace: keyspace)
        try state.refuseNewerCluster(than: configuration.serverVersion)
        self.configuration = configuration
        self.keyspace = keyspace
        self.backend = backend
        quota = Quota(configured: configuration.quotaBackendBytes)
        keyspace.compactionBatchLimit = configuration.compactionBatchLimit
        keyspace.hashesCompactions = configuration.hashesCompactions
        autoCompaction = configuration.autoCompaction.map { policy in
            AutoCompaction(policy, now: 0, tickMilliseconds: configuration.tickMilliseconds)
        }
        self.logger = logger
        membership = state.membership
        confState = state.confState
        log = state.log
        appliedIndex = state.applied
        durableAppliedIndex = state.applied
        logCompaction = LogCompaction(
            log: state.log,
            startedAt: state.applied,
            confState: state.confState,
            interval: configuration.snapshotCount
        )
        if state.holdsHigherVersion { logCompaction.raiseBarrier(to: state.applied) }
        logWrites = LogWrites(durableIndex: log.lastIndex, hardState: log.hardState)
        requestIDs = RequestIDs(
            member: configuration.memberID,
            startMilliseconds: configuration.startMilliseconds
        )
        leaseBook = LeaseBook(configuration.lessorRules)
        keyspace.leaseRules = configuration.leaseRules(in: state.membership.clusterVersion)
        output.removedSelf = state.membership.isRemoved(configuration.memberID)
        do {
            raft = try RaftNode(Member.raftConfiguration(configuration, state))
        } catch {
            throw .raft("\(error)")
        }
    }

    private static func raftConfiguration(
        _ configuration: MemberConfiguration,
        _ state: RecoveredState
    ) -> RaftNode.Configuration {
        var raft = RaftNode.Configuration(
            id: configuration.memberID.node,
            log: state.log,
            applied: state.applied,
            electionTicks: configuration.electionTicks,
            heartbeatTicks: configuration.heartbeatTicks,
            asyncStorageWrites: true,
            maxSizePerMessage: 512 << 10,
            maxCommittedSizePerReady: 4 << 20,
            maxUncommittedSize: configuration.limits.pendingBytes,
            maxInflightMessages: 512,
            checkQuorum: true,
            preVote: configuration.preVote,
            readOnly: .safe,
            seed: configuration.seed
        )
        raft.plantedBugs = configuration.plantedBugs
        return raft
    }
}

// MARK: - What goes on outside
extension Member {
    /// One unit of time has passed. After a stall messages that wait are to be given first, and
    /// ticks that were missed are not made up for: only leases, which clients count on in seconds,
    /// are told of them. See etcd-facts 24 and 25.
    package func tick(missed: Int = 0) {
        now += 1
        raft.tick()
        expireRequests()
        repeatReadRound()
        compactByItself()
        if missed + 1 >= MemberConfiguration.trustedTicks { doubtLeadership() }
        tendLeases(ticks: 1 + missed)
        commitWaited = true
    }

    /// A message from a peer, which the transport has checked: the cluster's id is right and the
    /// sender is not removed. What no correct peer sends is dropped.
    package func receive(_ message: Message) {
        if let reason = message.reasonToRefuse {
            logger.warning(
                "dropped a message of a peer",
                metadata: [
                    "from": "\(message.from)", "kind": "\(message.kind)", "why": "\(reason)",
                ]
            )
            return
        }
        step(message.asTaken)
    }

    /// The log's batches up to this number are durable.
    package func logged(_ number: UInt64) {
        deliver(logWrites.logged(number))
        if case .logged(let marker) = installation, number >= marker { installation = .done }
    }

    /// Messages to this peer do not arrive.
    package func reportUnreachable(_ id: MemberID) {
        raft.reportUnreachable(id.node)
    }

    /// The peer has been heard from since now.
    package func peerConnected(_ id: MemberID) {
        if connections[id] == nil { connections[id] = now }
        hastenFirstElection()
    }

    /// Who hears from two others and from no leader after a start need not wait as long as it takes
    /// to notice that a leader has gone. etcd does this within 5 s, too.
    private func hastenFirstElection() {
        guard configuration.hastensFirstElection, !hasHastenedElection, connections.count > 1,
            now <= configuration.ticks(milliseconds: 5_000)
        else { return }
        hasHastenedElection = true
        raft.hastenElection()
    }

    package func peerDisconnected(_ id: MemberID) {
        connections[id] = nil
    }

    /// What a peer says its version is; nil when it does not answer any more.
    package func reportVersion(_ version: ServerVersion?, of id: MemberID) {
        peerVersions[id] = version
    }

    /// The other voter that has been connected longest; nil when none is.
    package var heir: MemberID? {
        membership.voters
            .filter { $0.id != configuration.memberID && connections[$0.id] != nil }
            .min { (connections[$0.id] ?? 0, $0.id) < (connections[$1.id] ?? 0, $1.id) }?
            .id
    }

    /// Gives leadership to another voter, if it is up to date soon.
    package func transferLeadership(to id: MemberID) {
        raft.transferLeadership(to: id.node)
    }

    func step(_ message: Message) {
        do {
            try raft.step(message)
        } catch {
            logger.debug(
                "a message was not taken",
                metadata: ["from": "\(message.from)", "kind": "\(message.kind)", "why": "\(error)"]
            )
        }
    }

    /// Messages that may leave now: to peers, or back into Raft.
    func deliver(_ messages: [Message]) {
        for message in messages {
            if message.to == raft.id { step(message) } else { output.messages.append(message) }
        }
    }
}
