package import EtcdProto
package import Keyspace
import Logging
import Raft
import SwiftProtobuf

extension Member {
    /// Replicates a command. `reply` is called once: with what applying it here gave, or with the
    /// error that etcd's clients know. After a timeout the command may still be applied later.
    ///
    /// - Parameters:
    ///   - request: one operation; a header without an id is given one.
    ///   - timeoutTicks: how long to wait; nil means etcd's request timeout.
    ///   - asLeader: the proposal is a leader's decision: it is withdrawn when this member is
    ///     deposed, for its successor may know better.
    package func propose(
        _ request: InternalRaftRequest,
        timeoutTicks: Int? = nil,
        asLeader: Bool = false,
        reply: @escaping (Result<ApplyResponse, EtcdError>) -> Void
    ) {
        if let error = overload { return reply(.failure(error)) }
        guard quota.allows(request, size: spaceTaken) else {
            return raiseSpaceAlarm { reply(.failure(.noSpace)) }
        }
        var request = request
        if request.header.id == 0 { request.header.id = requestIDs.next() }
        // All members must grant the same number, so it is drawn here; never a negative one.
        if request.hasLeaseGrant, request.leaseGrant.id == 0 {
            request.leaseGrant.id = Int64(requestIDs.next() & UInt64(Int64.max))
        }
        guard let data = encode(request) else { return reply(.failure(.requestTooLarge)) }
        var waiter = Waiters.Waiter(data: data, request: request, since: now) { result in
            reply(result.map(\.response))
        }
        waiter.isLeaders = asLeader
        propose(.command(data), id: request.header.id, waiter, timeoutTicks)
    }

    func propose(
        _ proposal: ProposalQueue.Proposal,
        id: UInt64,
        _ waiter: Waiters.Waiter,
        _ timeoutTicks: Int?
    ) {
        let timeout = max(1, timeoutTicks ?? configuration.requestTimeoutTicks)
        waiters.add(waiter, id: id, until: now + timeout)
        proposals.add(proposal, id: id)
        hasNewWork = true
    }

    /// The request's bytes; nil when they are more than a request may have.
    private func encode(_ request: InternalRaftRequest) -> [UInt8]? {
        let bytes: [UInt8]
        do {
            bytes = try request.serializedBytes()
        } catch {
            // Encoding fails for messages of 2 GiB, and for required fields, of which there are
            // none.
            return nil
        }
        return bytes.count <= configuration.maxRequestBytes ? bytes : nil
    }

    /// Why nothing more is taken at present: what is committed waits to be applied, or what is
    /// pending fills the memory meant for it.
    private var overload: EtcdError? {
        let unapplied = raft.basicStatus.commit.rawValue - appliedIndex.rawValue
        if unapplied > configuration.limits.unappliedEntries { return .tooManyRequests }
        let pending = proposals.byteCount + keyspace.pendingBytes
        return pending > configuration.limits.pendingBytes ? .tooManyRequests : nil
    }

    /// Offers what waits to Raft. Without a leader nothing is offered: it would be dropped.
    func flushProposals() {
        guard !proposals.isEmpty, raft.basicStatus.leader != .none else { return }
        var queue = proposals
        proposals = ProposalQueue()
        queue.drain(
            isWanted: { waiters.contains($0) },
            commands: { datas in isTaken { () throws(ProposalDropped) in try raft.propose(datas) }
            },
            change: { change in isTaken { () throws(ProposalDropped) in try raft.propose(change) } }
        )
        proposals = queue
    }

    /// A proposal that Raft drops (leadership is being handed over, too much is not applied) did
    /// not get into any log, so it may be offered again.
    private func isTaken(_ offer: () throws(ProposalDropped) -> Void) -> Bool {
        do {
            try offer()
            return true
        } catch {
            logger.debug("a proposal waits", metadata: ["why": "\(error)"])
            return false
        }
    }

    /// Ends the waiting of those whose time is up.
    func expireRequests() {
        for waiter in waiters.takeExpired(at: now) {
            waiter.reply(.failure(timeoutError(since: waiter.since)))
        }
        for reader in reads.takeExpired(at: now) { reader.reply(.timeout) }
    }

    /// The error of etcd for a proposal that waited in vain: it says why, where that is known.
    private func timeoutError(since start: Tick) -> EtcdError {
        let formerLeaderLost = leaderSince - 2 * configuration.electionTicks
        if start > formerLeaderLost && start < leaderSince { return .timeoutDueToLeaderFail }
        switch knownLeader {
        case .none: return .timeout
        case raft.id:
            return isConnectedToQuorum(since: start) ? .timeout : .timeoutDueToConnectionLost
        default:
            let since = connections[knownLeader.member]
            return since.map { $0 <= start } ?? false ? .timeout : .timeoutDueToConnectionLost
        }
    }

    /// Whether a quorum of voters, this member counted in, has been heard from without a break.
    func isConnectedToQuorum(since start: Tick) -> Bool {
        let voters = membership.voters
        return connectedCount(voters, since: start) >= voters.count / 2 + 1
    }

    func connectedCount(_ members: [MemberInfo], since start: Tick) -> Int {
        members.count { member in
            member.id == configuration.memberID
                || connections[member.id].map { $0 <= start } ?? false
        }
    }
}

extension Waiters.Applied {
    fileprivate var response: ApplyResponse {
        switch self {
        case .response(let response): response
        case .members: .none
        }
    }
}
