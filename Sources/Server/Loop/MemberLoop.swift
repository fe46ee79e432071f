import EtcdProto
import Keyspace
import Logging
import Member
import NIOCore
import Raft
import Storage

/// One event loop that owns one member: everything that happens to the member happens here, as
/// plain synchronous calls.
///
/// Inputs (requests, peers' messages, disks that are done, ticks) go into the member at once; one
/// turn is taken for all inputs of one pass of the event loop over its sockets, so that a burst of
/// requests becomes one proposal, one write and one sync.
final class MemberLoop {
    let eventLoop: any EventLoop
    var replica: Replica
    let logger: Logger
    private(set) var transport: PeerTransport
    /// Where snapshots lie while they are sent or received.
    let spool: SnapshotSpool
    let reopenReplica: () throws(Fatal) -> Replica
    private let heartbeat: TimeAmount
    /// Ends the process: nothing of the member may go on.
    private let onFatal: (Fatal) -> Void
    /// Called once, when the member serves for the first time.
    var onReady: (() -> Void)?
    /// Told of what each turn did to keys, before reads of that turn and before anything is sent.
    var onChanges: (([[Change]]) -> Void)?
    /// Told when the member was opened anew: its keyspace is another one.
    var onReopened: (() -> Void)?

    private var isTurnScheduled = false
    var isStopped = false
    /// A snapshot has been installed: files are closed and opened again, and nothing else is done.
    var reopening: EventLoopFuture<Void>?
    var isReceivingSnapshot = false
    /// Raft has taken it, and the member is not opened anew yet.
    var isInstalling = false
    private var ticker: Scheduled<Void>?
    private var nextTick = NIODeadline.now()
    private var hasPostponedTick = false
    /// Left out since the last tick.
    private var missedTicks = 0
    var backendTimer: Scheduled<Void>?
    var isBackendDue = false
    /// Requests and messages since the last turn: what would have to wait for an inline sync.
    private var inputs = 0
    /// A commit of the backend is under way.
    var isCommitting = false
    private var leaderWaiters: [UInt64: (id: MemberID?, done: (Bool) -> Void)] = [:]
    private var nextLeaderWaiter: UInt64 = 0
    /// Those who wait for what is applied to be in the backend, and for how many commits.
    var flushes: [(commits: Int, done: () -> Void)] = []
    let views = ViewSlots()
    var compactionHashes = CompactionHashes()
    var defragmentation = Defragmentation()
    /// The compaction that was finished last; nil before the first turn.
    var notedCompaction: Int64?
    /// Those who wait until the rows below a compacted revision are gone.
    var compactionWaiters: [(revision: Int64, done: () -> Void)] = []
    /// Reads of the local state that may be done now, in order.
    private var reads = CircularBuffer<() -> Void>()
    /// After so long the sockets and the clock get a look before the next read.
    private static let readTime = TimeAmount.milliseconds(2)

    init(
        eventLoop: any EventLoop,
        replica: Replica,
        reopen: @escaping () throws(Fatal) -> Replica,
        identity: PeerIdentity,
        spool: SnapshotSpool,
        logger: Logger,
        onFatal: @escaping (Fatal) -> Void
    ) {
        self.eventLoop = eventLoop
        self.replica = replica
        reopenReplica = reopen
        self.spool = spool
        self.logger = logger
        self.onFatal = onFatal
        heartbeat = .milliseconds(Int64(replica.member.configuration.tickMilliseconds))
        let mailbox = Mailbox()
        let context = PeerContext(
            identity: identity,
            eventLoop: eventLoop,
            logger: logger,
            receive: { mailbox.loop?.receive($0) },
            onRemoved: { mailbox.loop?.removedAccording(to: $0) }
        )
        transport = PeerTransport(
            context: context,
            events: PeerEvents(
                unreachable: { mailbox.loop?.member.reportUnreachable($0) },
                connection: { mailbox.loop?.connectionChanged($0, isConnected: $1) }
            )
        )
        mailbox.loop = self
    }

    /// Lets the transport's closures be made before the loop that they speak to.
    private final class Mailbox {
        weak var loop: MemberLoop?
    }

    var member: Member { replica.member }
    private var log: LogWriter { replica.log }
    var backend: BackendThread { replica.backend }
    var isIdle: Bool { isStopped || reopening != nil }

    func start() {
        transport.start()
        transport.update(member.membership)
        nextTick = .now() + heartbeat
        scheduleTick()
        wake()
    }

    /// Takes no more turns; what is on disk stays as it is.
    func halt() {
        isStopped = true
        ticker?.cancel()
        backendTimer?.cancel()
        transport.stop()
        dropMaintenance()
    }

    // MARK: Inputs

    /// The member has been given something: a turn follows when the sockets have been read.
    func wake() {
        guard !isTurnScheduled, !isIdle else { return }
        isTurnScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isTurnScheduled = false
            self.takeTurn()
        }
    }

    /// Like `wake`, but not before the sockets have been read: the event loop does everything that
    /// is to be done at once, and what that brings about, before it looks at a socket.
    private func wakeLater() {
        guard !isTurnScheduled, !isIdle else { return }
        isTurnScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: .microseconds(50)) {
            self.isTurnScheduled = false
            self.takeTurn()
        }
    }

    /// Reads the local state as soon as the turn's work is done; many reads, or long ones, are
    /// spread over several turns.
    func perform(_ read: @escaping () -> Void) {
        reads.append(read)
        wake()
    }

    private func performReads() {
        let end = NIODeadline.now() + Self.readTime
        while let read = reads.popFirst() {
            read()
            if NIODeadline.now() >= end { break }
        }
        if !reads.isEmpty { wakeLater() }
    }

    /// A client's request, to be counted before it goes to the member.
    func noteRequest() {
        inputs += 1
        wake()
    }

    func receive(_ message: Message) {
        guard !isIdle else { return }
        // Heartbeats need no answer from the disk.
        if message.kind != .heartbeat && message.kind != .heartbeatResponse { inputs += 1 }
        member.receive(message)
        wake()
    }

    func connectionChanged(_ peer: MemberID, isConnected: Bool) {
        if isConnected {
            member.peerConnected(peer)
            askVersion(of: peer)
        } else {
            member.peerDisconnected(peer)
            member.reportVersion(nil, of: peer)
        }
        wake()
    }

    /// A peer's version cannot change while it is connected, so it is asked once for each
    /// connection (and again if it does not answer).
    private func askVersion(of peer: MemberID) {
        transport.askVersion(of: peer) { version in
            guard !self.isStopped, let link = self.transport.link(to: peer), link.isConnected else {
                return
            }
            if let version {
                self.member.reportVersion(version, of: peer)
                self.wake()
            } else {
                self.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
                    self.askVersion(of: peer)
                }
            }
        }
    }

    private func removedAccording(to peer: MemberID) {
        fail(
            Fatal(
                .removed,
                "member \(transport.identity.memberID) was permanently removed from the cluster "
                    + "(says member \(peer))",
                remedy: "start a new member with an empty data directory"
            )
        )
    }

    // MARK: Time

    private func scheduleTick() {
        guard !isStopped else { return }
        ticker = eventLoop.assumeIsolated().scheduleTask(deadline: nextTick) { self.tick() }
    }

    /// After a stall (this process was stopped, a turn took long) peers' messages may wait in the
    /// sockets, and ticking first could start an election against a leader that is well: so the
    /// sockets are read before, once, and the ticks that were missed are left out.
    private func tick() {
        guard !isStopped else { return }
        let now = NIODeadline.now()
        let delay = now - nextTick
        if delay > heartbeat {
            noticeLateness()
            missedTicks += Int(delay.nanoseconds / heartbeat.nanoseconds)
        }
        if delay > heartbeat, !hasPostponedTick {
            logger.warning(
                "the event loop stalled; missed ticks are left out",
                metadata: ["milliseconds": "\(delay.nanoseconds / 1_000_000)"]
            )
            hasPostponedTick = true
            nextTick = now + .milliseconds(1)
            return scheduleTick()
        }
        hasPostponedTick = false
        if reopening == nil { member.tick(missed: missedTicks) }
        missedTicks = 0
        wake()
        nextTick = delay > heartbeat ? now + heartbeat : nextTick + heartbeat
        scheduleTick()
    }

    /// Tells the member how many ticks are due that have not come: it may have been deposed
    /// meanwhile, and what is granted or renewed now must not count from the last tick. To be asked
    /// before anything that only the leader may do: requests can be read before the tick.
    func noticeLateness() {
        let delay = .now() - nextTick
        guard delay > .zero else { return }
        let ticks = Int(delay.nanoseconds / heartbeat.nanoseconds) + 1
        member.noticeLateness(ticks: missedTicks + ticks)
    }

    private func backendSoon() {
        guard backendTimer == nil, !isIdle, member.keyspace.pendingOperations > 0 else { return }
        backendTimer = eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(100)) {
            self.backendTimer = nil
            self.isBackendDue = true
            self.wake()
        }
    }

    // MARK: Turns

    private func takeTurn() {
        guard !isIdle else { return }
        let isQuiet = inputs <= 1
        inputs = 0
        noticeLateness()
        while true {
            let due = isBackendDue && !isCommitting
            if due { isBackendDue = false }
            let turn = member.turn(backendDue: due)
            if !turn.changes.isEmpty { onChanges?(turn.changes) }
            if turn.membershipChanged {
                transport.update(member.membership)
                // An only voter may campaign now and need not wait for a tick.
                wake()
            }
            if !turn.messages.isEmpty { transport.send(turn.messages) }
            if turn.mustReopen { return reopen() }
            for message in turn.snapshots { sendSnapshot(message) }
            if let batch = turn.backend { commit(batch) }
            if turn.becameReady {
                onReady?()
                onReady = nil
            }
            if turn.leaderChanged { answerLeaderWaiters() }
            if turn.removedSelf { leaveSoon() }
            let isWritten = turn.log.map { write($0.batch, number: $0.number, isQuiet) } ?? false
            if let index = turn.releaseLogBefore { release(before: index) }
            if isStopped { return }
            if !isWritten {
                if turn.hasMore { wakeLater() }
                break
            }
        }
        performReads()
        answerCompactionWaiters()
        hashCompaction()
        backendSoon()
    }

    /// Hands a batch to the log; true when it is durable already.
    ///
    /// A sync on this thread saves a lone client two thread changes, but everybody else waits for
    /// it: so only while syncs are fast, nothing else came in, and no tick is about to be due.
    private func write(_ batch: LogBatch, number: UInt64, _ isQuiet: Bool) -> Bool {
        let isShort = log.recentSyncSeconds < 0.002
        let hasTime = nextTick > .now() + .milliseconds(4)
        if isQuiet && isShort && hasTime {
            do throws(WALError) {
                if try log.writeInline(batch) {
                    member.logged(number)
                    return true
                }
            } catch {
                fail(.log(error))
                return false
            }
        }
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        log.submit(batch) { result in
            loop.eventLoop.execute { loop.value.logged(number, result) }
        }
        return false
    }

    private func logged(_ number: UInt64, _ result: Result<Void, WALError>) {
        guard !isIdle else { return }
        switch result {
        case .success:
            member.logged(number)
            wake()
        case .failure(let error): fail(.log(error))
        }
    }

    private func release(before index: LogIndex) {
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        log.release(before: index) { result in
            guard case .failure(let error) = result, error != .stopped else { return }
            loop.eventLoop.execute {
                // The log is none the worse for it: the next release tries again.
                loop.value.logger.warning(
                    "old segments of the log could not be removed",
                    metadata: ["why": "\(error)"]
                )
            }
        }
    }

    func commit(_ batch: WriteBatch) {
        isCommitting = true
        if defragmentation.holds(batch) { return }
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        backend.commit(batch) { result in
            loop.eventLoop.execute { loop.value.committed(batch.number, result) }
        }
    }

    private func committed(_ number: UInt64, _ result: Result<Void, BackendError>) {
        isCommitting = false
        // Once halted the backend may be closed already.
        guard !isIdle else { return }
        switch result {
        case .success:
            member.committed(number)
            wake()
        case .failure(let error): return fail(.backend(error))
        }
        answerFlushes()
    }

    // MARK: Leadership

    /// Calls back with true when that member leads, with false when an election timeout is over.
    func awaitLeader(_ id: MemberID, _ done: @escaping (Bool) -> Void) {
        awaitLeader(id, within: heartbeat * Int64(member.configuration.electionTicks), done)
    }

    /// The same for a time; nil means any leader.
    func awaitLeader(
        _ id: MemberID?,
        within time: TimeAmount,
        _ done: @escaping (Bool) -> Void
    ) {
        if member.hasLeader, id == nil || member.leader == id { return done(true) }
        let number = nextLeaderWaiter
        nextLeaderWaiter += 1
        leaderWaiters[number] = (id, done)
        eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.leaderWaiters.removeValue(forKey: number)?.done(false)
        }
    }

    private func answerLeaderWaiters() {
        guard member.hasLeader else { return }
        let leader = member.leader
        for (number, waiter) in leaderWaiters where waiter.id == nil || waiter.id == leader {
            leaderWaiters[number] = nil
            waiter.done(true)
        }
    }

    /// A leader that is about to end gives its office to the voter that has been connected longest,
    /// so that nobody has to wait for an election; calls back when that is done or has no sense.
    func handOver(_ done: @escaping () -> Void) {
        guard !isStopped, member.isLeader, let heir = member.heir else { return done() }
        logger.info("hands leadership over", metadata: ["to": "\(heir)"])
        member.transferLeadership(to: heir)
        wake()
        awaitLeader(heir) { isLeader in
            if !isLeader { self.logger.warning("leadership was not taken over in time") }
            done()
        }
    }

    // MARK: Ends

    func fail(_ fatal: Fatal) {
        guard !isStopped else { return }
        halt()
        onFatal(fatal)
    }

    /// A member that was removed goes on for a second, so that others learn of it.
    private func leaveSoon() {
        eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            self.fail(
                Fatal(
                    .removed,
                    "member \(self.transport.identity.memberID) was removed from the cluster",
                    remedy: "start a new member with an empty data directory"
                )
            )
        }
    }
}
