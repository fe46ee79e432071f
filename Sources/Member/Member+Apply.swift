import EtcdProto
import Keyspace
import Logging
import Raft

extension Member {
    /// Applies committed entries within the budget of a turn.
    func applyCommitted(within budget: inout Budget) {
        while !applyQueue.isEmpty, !budget.isSpent {
            while !budget.isSpent, let entry = applyQueue.next() {
                budget.spend(entry)
                apply(entry)
            }
            guard applyQueue.isAtEndOfPortion else { return }
            deliver(applyQueue.finishPortion())
            let answers = appliedChanges
            appliedChanges = []
            for answer in answers { answer() }
        }
    }

    private func apply(_ entry: Entry) {
        invariant(
            entry.index == appliedIndex + 1,
            "entry \(entry.index) is to be applied after \(appliedIndex)"
        )
        invariant(
            entry.index <= logWrites.durableIndex,
            "entry \(entry.index) is to be applied, the log is durable to \(logWrites.durableIndex)"
        )
        appliedIndex = entry.index
        logCompaction.note(entry)
        switch entry.kind {
        case .normal: applyCommand(entry)
        case .confChange: applyChange(entry)
        case .confChangeV2:
            fatalError("entry \(entry.index) is a joint change, which no member puts into a log")
        }
        invariant(
            keyspace.consistentIndex == entry.index.rawValue,
            "the keyspace is at \(keyspace.consistentIndex) after entry \(entry.index)"
        )
    }

    private func applyCommand(_ entry: Entry) {
        // An own proposal is at hand in its decoded form.
        if let id = EntryCommand.requestID(in: entry.data),
            let waiter = waiters.take(id, data: entry.data), let request = waiter.request
        {
            let result = apply(request, at: entry)
            return raiseSpaceAlarm(ifDueAfter: result) {
                waiter.reply(result.map(Waiters.Applied.response))
            }
        }
        let command = EntryCommand(decoding: entry.data)
        switch command {
        case .empty:
            keyspace.skip(index: entry.index.rawValue, term: entry.term.rawValue)
            if entry.term == raft.basicStatus.term {
                repeatReadRoundForNewTerm()
                promoteLessor()
            }
        case .request(let request):
            raiseSpaceAlarm(ifDueAfter: apply(request, at: entry)) {}
        case .setAttributes(let attributes, let member, _):
            setAttributes(attributes, of: member, at: entry)
        case .setClusterVersion(let version, _):
            setClusterVersion(version, at: entry)
        case .nothing:
            keyspace.skip(index: entry.index.rawValue, term: entry.term.rawValue)
        case .unknown(let reason, _):
            logger.error(
                "an entry of the log means nothing here and is passed over",
                metadata: ["index": "\(entry.index)", "why": "\(reason)"]
            )
            keyspace.skip(index: entry.index.rawValue, term: entry.term.rawValue)
        }
    }

    private func apply(
        _ request: InternalRaftRequest,
        at entry: Entry
    ) -> Result<ApplyResponse, EtcdError> {
        if request.hasClusterMemberAttrSet {
            let change = request.clusterMemberAttrSet
            let attributes = MemberAttributes(
                name: change.memberAttributes.name,
                clientURLs: change.memberAttributes.clientUrls
            )
            setAttributes(attributes, of: MemberID(rawValue: change.memberID), at: entry)
            return .success(.none)
        }
        if request.hasClusterVersionSet {
            guard let version = ServerVersion(request.clusterVersionSet.ver) else {
                logger.error(
                    "the cluster version in the log cannot be read",
                    metadata: ["version": "\(request.clusterVersionSet.ver)"]
                )
                keyspace.skip(index: entry.index.rawValue, term: entry.term.rawValue)
                return .success(.none)
            }
            setClusterVersion(version, at: entry)
            return .success(.none)
        }
        if request.hasDowngradeInfoSet {
            let change = request.downgradeInfoSet
            membership.setDowngrade(Downgrade(isEnabled: change.enabled, target: change.ver))
            write(membership.writesForDowngrade(), at: entry)
            return .success(.none)
        }
        let outcome = keyspace.apply(
            request,
            index: entry.index.rawValue,
            term: entry.term.rawValue
        )
        if !outcome.changes.isEmpty { output.changes.append(outcome.changes) }
        if case .success = outcome.result { noteLeases(in: request) }
        // The write stands, since others may have room for it; its client learns that there is
        // none left here.
        if case .success = outcome.result, !quota.allows(request, size: spaceTaken) {
            return .failure(.noSpace)
        }
        return outcome.result
    }

    func write(_ writes: [BucketWrite], at entry: Entry) {
        keyspace.applyBucketWrites(
            writes,
            index: entry.index.rawValue,
            term: entry.term.rawValue
        )
    }
}
