package import EtcdProto
package import Keyspace
import Logging
import Raft

// Changes asked for by clients.
extension Member {
    package typealias MembersReply = (Result<[MemberInfo], EtcdError>) -> Void

    /// Adds a member; `unixSeconds` makes its id another one than that of a member with the same
    /// URLs that was removed before.
    package func addMember(
        peerURLs: [String],
        isLearner: Bool,
        token: String,
        unixSeconds: Int64,
        timeoutTicks: Int? = nil,
        reply: @escaping (Result<(added: MemberInfo, all: [MemberInfo]), EtcdError>) -> Void
    ) {
        guard let peerURLs = try? ClusterURL.sorted(peerURLs) else {
            return reply(.failure(.memberBadURLs))
        }
        let id = InitialCluster.memberID(
            peerURLs: peerURLs,
            token: token,
            addedAtUnixSeconds: unixSeconds
        )
        let member = MemberInfo(id: id, peerURLs: peerURLs, isLearner: isLearner)
        change(.add(member), timeoutTicks) { reply($0.map { (member, $0) }) }
    }

    package func removeMember(
        _ id: MemberID,
        timeoutTicks: Int? = nil,
        reply: @escaping MembersReply
    ) {
        change(.remove(id), timeoutTicks, reply)
    }

    /// Makes a voter of a learner that has nearly caught up. Only the leader knows whether it has:
    /// others answer `.notLeader`, and the shell passes the request on.
    package func promoteMember(
        _ id: MemberID,
        timeoutTicks: Int? = nil,
        reply: @escaping MembersReply
    ) {
        guard isLeader else { return reply(.failure(.notLeader)) }
        change(.promote(id), timeoutTicks, reply)
    }

    package func updateMember(
        _ id: MemberID,
        peerURLs: [String],
        timeoutTicks: Int? = nil,
        reply: @escaping MembersReply
    ) {
        guard let peerURLs = try? ClusterURL.sorted(peerURLs) else {
            return reply(.failure(.memberBadURLs))
        }
        change(.update(MemberInfo(id: id, peerURLs: peerURLs)), timeoutTicks, reply)
    }

    private func change(
        _ change: MembershipChange,
        _ timeoutTicks: Int?,
        _ reply: @escaping MembersReply
    ) {
        if let error = risk(of: change)
            ?? membership.problem(with: change, maxLearners: configuration.maxLearners)
        {
            return reply(.failure(error))
        }
        let id = requestIDs.next()
        let proposal = change.confChange(id: id)
        let waiter = Waiters.Waiter(data: proposal.encoded(), request: nil, since: now) { result in
            reply(result.map(\.members))
        }
        propose(.change(proposal), id: id, waiter, timeoutTicks)
    }

    /// Why the change could cost the cluster its quorum. Only asked where it is proposed: what is
    /// in the log is applied.
    private func risk(of change: MembershipChange) -> EtcdError? {
        if case .promote(let id) = change {
            guard isCaughtUp(id) else { return .learnerNotReady }
            let isSafe = membership.canPromote || !configuration.strictReconfigCheck
            return isSafe ? nil : .memberNotEnoughStarted
        }
        guard configuration.strictReconfigCheck else { return nil }
        let healthInterval = configuration.ticks(milliseconds: 5_000)
        let voters = membership.voters
        let active = connectedCount(voters, since: now - healthInterval)
        switch change {
        case .add(let member):
            if !member.isLearner && !membership.canAddVoter { return .memberNotEnoughStarted }
            return active == voters.count ? nil : .unhealthy
        case .remove(let id):
            guard membership.member(id)?.isLearner == false else { return nil }
            if !membership.canRemoveVoter(id) { return .memberNotEnoughStarted }
            // A voter that is down does not count among those whose majority must stay.
            if id != configuration.memberID && connections[id] == nil { return nil }
            return active - 1 < 1 + (voters.count - 1) / 2 ? .unhealthy : nil
        case .promote, .update:
            return nil
        }
    }

    /// Whether a learner has nine tenths of the leader's log.
    private func isCaughtUp(_ id: MemberID) -> Bool {
        let progress = raft.status.progress
        guard let learner = progress.first(where: { $0.id == id.node }),
            let leader = progress.first(where: { $0.id == raft.id })
        else { return true }
        return learner.match.rawValue * 10 >= leader.match.rawValue * 9
    }
}

// Changes of the log.
extension Member {
    func applyChange(_ entry: Entry) {
        let proposed: ConfChange
        do {
            proposed = try ConfChange(decoding: entry.data)
        } catch {
            // Upstream dies of this; to be left out of the group by it would help nobody.
            logUnreadable(entry, error)
            return refuse(ConfChange(kind: .addNode, node: .none), at: entry)
        }
        let waiter = waiters.take(proposed.id, data: entry.data)
        let result: Result<Waiters.Applied, EtcdError>
        if let error = applyIfPossible(proposed, at: entry) {
            logger.warning(
                "a membership change of the log is not possible",
                metadata: ["node": "\(proposed.node)", "why": "\(error)"]
            )
            result = .failure(error)
        } else {
            result = .success(.members(membership.members))
        }
        if let waiter { appliedChanges.append { waiter.reply(result) } }
    }

    /// Makes the change, here and in Raft; or says why not, and tells Raft of a change of nobody.
    private func applyIfPossible(_ proposed: ConfChange, at entry: Entry) -> EtcdError? {
        let change: MembershipChange
        do {
            change = try MembershipChange(proposed)
        } catch {
            logUnreadable(entry, error)
            refuse(proposed, at: entry)
            return .unsupported("the membership change")
        }
        let maxLearners = configuration.maxLearners
        if let error = membership.problem(with: change, maxLearners: maxLearners) {
            refuse(proposed, at: entry)
            return error
        }
        confState = raft.apply(proposed)
        membership.apply(change)
        write(membership.writes(for: change, confState: confState), at: entry)
        logCompaction.note(confState, at: entry.index)
        output.membershipChanged = true
        hasNewWork = true
        if case .remove(let id) = change {
            connections[id] = nil
            peerVersions[id] = nil
            if id == configuration.memberID { output.removedSelf = true }
        }
        logger.info(
            "membership changed",
            metadata: [
                "change": "\(change.verb)", "member": "\(change.member)",
                "index": "\(entry.index)", "members": "\(membership.members.count)",
            ]
        )
        return nil
    }

    private func logUnreadable(_ entry: Entry, _ error: any Error) {
        logger.error(
            "a membership change of the log cannot be read and is passed over",
            metadata: ["index": "\(entry.index)", "why": "\(error)"]
        )
    }

    private func refuse(_ proposed: ConfChange, at entry: Entry) {
        var nobody = proposed
        nobody.node = .none
        confState = raft.apply(nobody)
        keyspace.skip(index: entry.index.rawValue, term: entry.term.rawValue)
    }

    func setAttributes(_ attributes: MemberAttributes, of id: MemberID, at entry: Entry) {
        guard membership.setAttributes(attributes, of: id) else {
            logger.warning(
                "attributes of a member that is not in the cluster",
                metadata: ["member": "\(id)"]
            )
            return keyspace.skip(index: entry.index.rawValue, term: entry.term.rawValue)
        }
        write(membership.writesForAttributes(of: id), at: entry)
        output.membershipChanged = true
    }

    func setClusterVersion(_ version: ServerVersion, at entry: Entry) {
        logger.info(
            "cluster version",
            metadata: [
                "from": "\(membership.clusterVersion?.description ?? "not_decided")",
                "to": "\(version)",
            ]
        )
        if version > configuration.serverVersion.withoutPatch {
            logger.error(
                "the cluster's version is above this member's",
                metadata: ["own": "\(configuration.serverVersion)", "cluster": "\(version)"]
            )
        }
        // A member of the lower version that joins later would meet the higher one in the log, and
        // end (real etcd does).
        if let former = membership.clusterVersion, version < former {
            logCompaction.raiseBarrier(to: entry.index)
        }
        membership.setClusterVersion(version)
        if let downgrade = membership.downgrade, downgrade.isEnabled {
            // Words that those who downgrade wait for.
            logger.info(
                "The server is ready to downgrade",
                metadata: [
                    "target-version": "\(downgrade.target)",
                    "server-version": "\(configuration.serverVersion)",
                ]
            )
        }
        keyspace.leaseRules = configuration.leaseRules(in: version)
        write(membership.writesForClusterVersion(), at: entry)
    }
}

extension MembershipChange {
    fileprivate var verb: String {
        switch self {
        case .add(let member): member.isLearner ? "add learner" : "add"
        case .promote: "promote"
        case .remove: "remove"
        case .update: "update"
        }
    }
}

extension Waiters.Applied {
    fileprivate var members: [MemberInfo] {
        switch self {
        case .members(let members): members
        case .response: []
        }
    }
}
