import Chance
import EtcdProto
import Keyspace
import Member
import Raft

// What `LeaseAsker` and `LeaseEndpoints` do around members: grants and ends of leases go through
// the log, questions about them to whoever leads, by way of the member that was asked.

/// Something about a lease that only the leader can answer.
struct LeaseQuestion {
    enum Kind {
        case renewal
        case timeToLive
    }

    enum Answer {
        case found
        case notFound
        case failed
    }

    fileprivate enum Outcome {
        case answer(Answer)
        /// Who was asked does not know.
        case unclear
    }

    let kind: Kind
    let id: Int64
    /// When the client asked, in microseconds.
    let sent: Int
    /// When the member that was asked gives up.
    let deadline: Int
    let reply: (Answer) -> Void
}

extension World {
    /// Has a client put a command about leases, or about a key of one, through a member. Nothing
    /// comes back when the member ends.
    func proposeForLease(
        _ request: InternalRaftRequest,
        on index: Int,
        _ reply: @escaping (Swift.Result<ApplyResponse, EtcdError>) -> Void
    ) {
        var request = request
        request.header.id = nextLeaseRequest()
        stage.planArrival(at: index, in: 100) { [unowned self] in
            guard let member = machines[index].member, !machines[index].isReopening else { return }
            if member.isLearner { return reply(.failure(.notSupportedForLearner)) }
            member.propose(request, timeoutTicks: options.requestTimeoutTicks) { [unowned self] in
                let result = $0
                // The world looks at what was applied when the turn is over.
                stage.plan(in: 0) { reply(result) }
            }
            wake(index)
        }
    }

    /// Has a client ask a member about a lease.
    func askAboutLease(
        _ kind: LeaseQuestion.Kind,
        _ id: Int64,
        on index: Int,
        _ reply: @escaping (LeaseQuestion.Answer) -> Void
    ) {
        let question = LeaseQuestion(
            kind: kind,
            id: id,
            sent: stage.now,
            deadline: stage.now + 7_000_000,
            reply: reply
        )
        stage.planArrival(at: index, in: 100) { [unowned self] in attempt(question, index) }
    }

    private func attempt(_ question: LeaseQuestion, _ index: Int) {
        guard let member = machines[index].member, !machines[index].isReopening else { return }
        guard stage.now < question.deadline else { return question.reply(.failed) }
        guard member.hasLeader else { return finish(question, index, .unclear) }
        if options.bugs.contains(.renewsAsFollower), question.kind == .renewal, !member.isLeader,
            let lease = member.keyspace.lease(LeaseID(question.id))
        {
            noteRenewal(question, member, index, lease.grantedTTL)
            return question.reply(.found)
        }
        if member.leader == member.memberID {
            answer(question, member, index) { [unowned self] in finish(question, index, $0) }
        } else {
            askLeader(question, member, index)
        }
    }

    private func askLeader(_ question: LeaseQuestion, _ member: Member, _ index: Int) {
        guard let to = machines.firstIndex(where: { $0.id == member.leader }),
            let way = wayOfLeaseQuestion(index, to)
        else { return finish(question, index, .unclear) }
        stage.planArrival(at: to, in: way) { [unowned self] in
            guard let leader = machines[to].member, !machines[to].isReopening else {
                return finish(question, index, .unclear)
            }
            answer(question, leader, to) { [unowned self] outcome in
                guard let back = wayOfLeaseQuestion(to, index) else {
                    return finish(question, index, .unclear)
                }
                stage.planArrival(at: index, in: back) { [unowned self] in
                    finish(question, index, outcome)
                }
            }
        }
    }

    private func wayOfLeaseQuestion(_ from: Int, _ to: Int) -> Int? {
        stage.network.arrivals(from: from, to: to, isOnce: true, now: stage.now).0
    }

    private func finish(
        _ question: LeaseQuestion,
        _ index: Int,
        _ outcome: LeaseQuestion.Outcome
    ) {
        switch outcome {
        case .answer(let answer): question.reply(answer)
        case .unclear:
            stage.planArrival(at: index, in: 50_000) { [unowned self] in attempt(question, index) }
        }
    }

    /// A member answers, if it leads.
    private func answer(
        _ question: LeaseQuestion,
        _ member: Member,
        _ index: Int,
        _ reply: @escaping (LeaseQuestion.Outcome) -> Void
    ) {
        noticeLateness(index)
        switch question.kind {
        case .renewal:
            member.renewLease(LeaseID(question.id)) { [unowned self, unowned member] renewal in
                switch renewal {
                case .renewed(let ttl):
                    noteRenewal(question, member, index, ttl)
                    reply(.answer(.found))
                case .notFound:
                    noteMissing(question, member, index)
                    reply(.answer(.notFound))
                case .notPrimary: reply(.unclear)
                case .failed: reply(.answer(.failed))
                }
            }
        case .timeToLive:
            member.leaseInfo(LeaseID(question.id), keys: true) { [unowned self, unowned member] in
                switch $0 {
                case .success(let info?):
                    noteTimeToLive(question, member, index, info)
                    reply(.answer(.found))
                case .success(nil):
                    noteMissing(question, member, index)
                    reply(.answer(.notFound))
                case .failure(.leaderChanged): reply(.unclear)
                case .failure: reply(.answer(.failed))
                }
            }
        }
        wake(index)
    }

    // MARK: What the checker is told, once the world has looked at what was applied

    private func noteRenewal(
        _ question: LeaseQuestion,
        _ member: Member,
        _ index: Int,
        _ ttl: Int64
    ) {
        let server = LeaseChecker.Server(machine: index, term: member.term)
        let time = stage.now
        stage.note(.lease, index, UInt64(bitPattern: question.id)) { "renews lease \(question.id)" }
        stage.count(.leaseRenewed)
        stage.plan(in: 0) { [unowned self] in
            let before = leases.staleRenewals
            report(
                leases.renewed(
                    question.id,
                    ttl: ttl,
                    sent: question.sent,
                    by: server,
                    at: time,
                    fastestClock: fastestClock,
                    ignorance: leaderIgnorance
                )
            )
            stage.count(.leaseRenewedInVain, by: leases.staleRenewals - before)
        }
    }

    private func noteMissing(_ question: LeaseQuestion, _ member: Member, _ index: Int) {
        let server = LeaseChecker.Server(machine: index, term: member.term)
        stage.note(.lease, index, UInt64(bitPattern: question.id), 1) {
            "does not find lease \(question.id)"
        }
        stage.plan(in: 0) { [unowned self] in
            report(leases.notFound(question.id, sent: question.sent, by: server))
        }
    }

    private func noteTimeToLive(
        _ question: LeaseQuestion,
        _ member: Member,
        _ index: Int,
        _ info: Member.LeaseInfo
    ) {
        let server = LeaseChecker.Server(machine: index, term: member.term)
        stage.note(.lease, index, UInt64(bitPattern: question.id), 2) {
            "says that lease \(question.id) has \(info.remainingTTL) s left"
        }
        stage.plan(in: 0) { [unowned self] in
            report(
                leases.told(
                    question.id,
                    left: info.remainingTTL,
                    of: info.grantedTTL,
                    sent: question.sent,
                    by: server
                )
            )
        }
    }

    /// An entry is committed that was not known to be.
    func noteCommitted(_ entry: Entry) {
        let step = chronicle.note(entry)
        let isClients = step.map { World.isLeaseRequest($0.request.header.id) } ?? false
        if let step, step.outcome.error == nil {
            if step.request.hasLeaseGrant { stage.count(.leaseGranted) }
            if step.request.hasLeaseCheckpoint { stage.count(.leaseCheckpoint) }
            if step.request.hasLeaseRevoke {
                let id = step.request.leaseRevoke.id
                stage.count(isClients ? .leaseRevoked : .leaseExpired)
                stage.note(.lease, -1, UInt64(bitPattern: id), isClients ? 3 : 4) {
                    "lease \(id) \(isClients ? "is revoked" : "has expired")"
                }
            }
        }
        report(
            leases.note(
                entry,
                step,
                isClients: isClients,
                at: stage.now,
                fastestClock: fastestClock
            )
        )
    }

    /// A leader has applied the first entry of its term: it decides about leases now.
    func noteLessor(_ member: Member, _ index: Int) {
        leases.promoted(LeaseChecker.Server(machine: index, term: member.term), at: stage.now)
        lastPromotion = stage.now
        if options.bugs.contains(.countsTimeBeforeElection) { machines[index].countsPast = true }
    }

    /// How long a leader may not know that it was replaced: it looks whether it hears a quorum once
    /// in an election timeout, by its clock, and answers may come late. A process that stood still
    /// for three ticks has to ask; shorter stalls it does not notice.
    private var leaderIgnorance: Int {
        (2 * 10 + 10) * options.tick * slowestClock + 600_000
    }

    private var slowestClock: Int {
        machines.indices.map { stage.clock(of: $0) }.max() ?? 1_000
    }

    /// In the quiet after all faults: the time in which every lease ends that nobody renews, by the
    /// slowest clock. A leader that has just been elected gives each its whole time, an election
    /// timeout, and what ticks need to be whole; a revocation that got lost is tried again after
    /// three seconds, and must get through the log.
    func leaseBound(ttl: Int64) -> Int {
        let ticks = 10 + 5
        let milliseconds = Int(ttl) * 1_000 + ticks * options.tick + 2 * 3_000
        return milliseconds * slowestClock / 1_000 + 5_000
    }
}
