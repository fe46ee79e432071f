import EtcdProto
package import Keyspace
import Logging
import Raft

// What clients ask about leases, and cannot be asked through the log.
extension Member {
    package enum Renewal: Hashable, Sendable {
        /// With the lease's whole time in seconds.
        case renewed(ttl: Int64)
        case notFound
        /// Another member decides: it is to be asked, or this one again later.
        case notPrimary
        case failed(EtcdError)
    }

    package struct LeaseInfo: Hashable, Sendable {
        package let grantedTTL: Int64
        /// In whole seconds.
        package let remainingTTL: Int64
        /// In byte order.
        package let keys: [[UInt8]]
    }

    /// Gives a lease its whole time anew, if this member leads and has applied all it knows of. A
    /// lease whose time is over is not found, but only once it has really ended.
    package func renewLease(_ id: LeaseID, reply: @escaping (Renewal) -> Void) {
        confirmLeadership { [weak self] isLeader in
            guard let self, isLeader else { return reply(.notPrimary) }
            awaitApplied { [weak self] error in
                if let error { return reply(.failed(error)) }
                self?.renew(id, reply)
            }
        }
    }

    private func renew(_ id: LeaseID, _ reply: @escaping (Renewal) -> Void) {
        guard isPrimary else { return reply(.notPrimary) }
        guard let lease = keyspace.lease(id) else { return reply(.notFound) }
        if leaseBook.lessor.isExpired(id) {
            leaseBook.awaitingEnd[id, default: []].append(reply)
            return
        }
        guard lease.remainingTTL > 0 || leaseBook.lessor.isBeingCheckpointed(id) else {
            leaseBook.lessor.renew(id)
            return reply(.renewed(ttl: lease.grantedTTL))
        }
        // The next leader would give it only what the checkpoint left.
        proposeCheckpoints([(lease: id, remaining: 0)]) { [weak self] error in
            if let error {
                return reply(error == .leaderChanged ? .notPrimary : .failed(error))
            }
            self?.renew(id, reply)
        }
    }

    /// What the leader knows of a lease; nil when there is none. Who does not decide about leases,
    /// or not yet, answers `leaderChanged`.
    package func leaseInfo(
        _ id: LeaseID,
        keys: Bool,
        reply: @escaping (Result<LeaseInfo?, EtcdError>) -> Void
    ) {
        awaitApplied { [weak self] error in
            guard let self else { return }
            if let error { return reply(.failure(error)) }
            // A new leader does not know yet what earlier ones granted.
            guard isPrimary else { return reply(.failure(.leaderChanged)) }
            guard let lease = keyspace.lease(id),
                let remaining = leaseBook.lessor.remainingSeconds(id)
            else { return reply(.success(nil)) }
            let info = LeaseInfo(
                grantedTTL: lease.grantedTTL,
                remainingTTL: remaining,
                keys: keys ? lease.sortedKeys : []
            )
            reply(.success(info))
        }
    }

    /// The numbers of all leases: on the leader the first to end first.
    package var leaseIDs: [LeaseID] {
        isPrimary ? leaseBook.lessor.idsByDeadline : keyspace.allLeases.map(\.id)
    }

    /// So many ticks are due, the last of them just so, and were not told: `tick` will tell of them
    /// once what waits has been read. What is granted or renewed before that counts from now.
    ///
    /// To be called before a turn and before questions about leases.
    package func noticeLateness(ticks: Int) {
        leaseBook.lessor.noticeLateness(ticks: ticks)
        if ticks >= MemberConfiguration.trustedTicks { doubtLeadership() }
    }

    /// No tick has come for so long that another member may lead by now: nothing about leases is
    /// decided until a quorum has confirmed that this one still does.
    package func doubtLeadership() {
        if leaseBook.trust == .full, isLeader { leaseBook.trust = .doubt }
    }
}

// The leader's part.
extension Member {
    /// Whether this member decides about leases.
    var isPrimary: Bool {
        leaseBook.lessor.isPrimary && isLeader && leaseBook.promotedIn == term
    }

    /// The first entry of the own term is applied: so is all that earlier leaders did.
    func promoteLessor() {
        guard isLeader else { return }
        leaseBook.lessor.promote(
            keyspace.allLeases,
            electionTicks: configuration.electionTicks
        )
        leaseBook.promotedIn = term
        leaseBook.trust = .full
        tellTrust(true)
    }

    /// To be looked at before anything is decided or proposed.
    func demoteLessorIfDeposed() {
        guard leaseBook.lessor.isPrimary, !isPrimary else { return }
        leaseBook.lessor.demote()
        leaseBook.promotedIn = nil
        leaseBook.trust = .full
        tellTrust(false)
        for waiter in waiters.takeLeaders() { waiter.reply(.failure(.leaderChanged)) }
        for reply in leaseBook.takeAwaitingEnd() { reply(.notPrimary) }
    }

    /// Ticks have passed, of which some may not have been told one by one.
    func tendLeases(ticks: Int) {
        leaseBook.lessor.advance(by: ticks)
        for reply in leaseBook.appliedWaiters.takeExpired(at: now) {
            reply(.timeoutWaitAppliedIndex)
        }
        demoteLessorIfDeposed()
        guard isPrimary else { return }
        guard leaseBook.trust == .full else { return askForTrust() }
        let free = LeaseBook.maxRevokesUnderWay - leaseBook.revokesUnderWay
        for id in leaseBook.lessor.takeExpired(atMost: free) { proposeEnd(of: id) }
        let points = leaseBook.lessor.takeCheckpoints()
        if !points.isEmpty { proposeCheckpoints(points) { _ in } }
    }

    /// What fails here comes again: the lessor still has the lease.
    private func proposeEnd(of id: LeaseID) {
        var request = InternalRaftRequest()
        request.leaseRevoke.id = id.rawValue
        leaseBook.revokesUnderWay += 1
        propose(request, asLeader: true) { [weak self] result in
            self?.leaseBook.revokesUnderWay -= 1
            guard case .failure(let error) = result, error != .leaseNotFound else { return }
            self?.logger.warning(
                "a lease whose time is over could not be revoked",
                metadata: ["lease": "\(id)", "why": "\(error)"]
            )
        }
    }

    private func proposeCheckpoints(
        _ points: [(lease: LeaseID, remaining: Int64)],
        _ reply: @escaping (EtcdError?) -> Void
    ) {
        var request = InternalRaftRequest()
        request.leaseCheckpoint.checkpoints = points.map { point in
            var checkpoint = LeaseCheckpoint()
            checkpoint.id = point.lease.rawValue
            checkpoint.remainingTtl = point.remaining
            return checkpoint
        }
        propose(request, asLeader: true) { result in
            if case .failure(let error) = result { reply(error) } else { reply(nil) }
        }
    }

    /// Keeps the lessor in step with what was applied.
    func noteLeases(in request: InternalRaftRequest) {
        if request.hasLeaseGrant, let lease = keyspace.lease(LeaseID(request.leaseGrant.id)) {
            leaseBook.lessor.granted(lease)
        }
        if request.hasLeaseRevoke {
            let id = LeaseID(request.leaseRevoke.id)
            leaseBook.lessor.revoked(id)
            for reply in leaseBook.awaitingEnd.removeValue(forKey: id) ?? [] { reply(.notFound) }
        }
        if request.hasLeaseCheckpoint {
            for point in request.leaseCheckpoint.checkpoints {
                guard let lease = keyspace.lease(LeaseID(point.id)) else { continue }
                leaseBook.lessor.checkpointed(lease)
            }
        }
    }

    // MARK: Waiting

    /// Calls back with true once it is certain that this member leads.
    private func confirmLeadership(_ reply: @escaping (Bool) -> Void) {
        guard isLeader else { return reply(false) }
        guard leaseBook.trust != .full else { return reply(true) }
        leaseBook.awaitingTrust.append(reply)
        askForTrust()
    }

    private func askForTrust() {
        guard leaseBook.trust == .doubt else { return }
        leaseBook.trust = .asking
        let asked = term
        read { [weak self] error in
            guard let self, leaseBook.trust == .asking else { return }
            let isConfirmed = error == nil && isLeader && term == asked
            leaseBook.trust = isConfirmed ? .full : .doubt
            tellTrust(isConfirmed)
        }
    }

    private func tellTrust(_ isLeader: Bool) {
        let waiting = leaseBook.awaitingTrust
        leaseBook.awaitingTrust = []
        for reply in waiting { reply(isLeader) }
    }

    /// Calls back when all that is known to be committed now is applied, at the latest after a
    /// second.
    private func awaitApplied(_ reply: @escaping (EtcdError?) -> Void) {
        guard appliedIndex < committedIndex else { return reply(nil) }
        let patience = configuration.ticks(milliseconds: 1_000)
        leaseBook.appliedWaiters.add(committedIndex, until: now + patience, reply)
    }

    func answerAppliedWaiters() {
        for reply in leaseBook.appliedWaiters.takeReady(applied: appliedIndex) { reply(nil) }
    }

    /// The member is about to be opened anew.
    func abandonLeases() {
        tellTrust(false)
        for reply in leaseBook.takeAwaitingEnd() { reply(.notPrimary) }
        for reply in leaseBook.appliedWaiters.takeAll() { reply(.timeoutWaitAppliedIndex) }
    }
}
