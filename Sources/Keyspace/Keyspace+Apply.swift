package import EtcdProto
internal import FoundationEssentials

extension Keyspace {
    /// Applies the command of an entry. The outcome is the same on every member, whatever the
    /// command holds; one that fails changes nothing.
    package func apply(_ request: InternalRaftRequest, index: UInt64, term: UInt64) -> Outcome {
        advance(to: index, term: term)
        var transaction = Transaction(base: revision)
        do throws(EtcdError) {
            let response = try perform(request, &transaction)
            revision = transaction.current
            return Outcome(.success(response), changes: transaction.changes)
        } catch {
            rollBack(transaction)
            return Outcome(.failure(error))
        }
    }

    /// Undoes what a transaction did before it failed. What can be checked is checked before, so
    /// this is rare: a put that ignores its value, of a key that its own transaction deleted.
    private func rollBack(_ transaction: Transaction) {
        for change in transaction.changes.reversed() {
            guard let key = Record(change.record)?.key, let history = index.history(key.span) else {
                fatalError("a change of revision \(change.revision) is not in the index")
            }
            var before: Record?
            if history.count > 1, !history[history.count - 2].isTombstone {
                before = record(history[history.count - 2].revision)
            }
            index.undo(
                key.span,
                version: before?.version ?? 0,
                createRevision: before?.createRevision ?? 0
            )
            leases.attach(Array(key), to: before?.lease ?? 0)
        }
        pending.removeLast(transaction.changes.count)
    }

    private func perform(
        _ request: InternalRaftRequest,
        _ transaction: inout Transaction
    ) throws(EtcdError) -> ApplyResponse {
        if let refusal = refusal(of: request) { throw refusal }
        if request.hasRange { return .range(try range(request.range)) }
        if request.hasPut {
            try checkLease(request.put)
            return .put(try put(request.put, &transaction))
        }
        if request.hasDeleteRange { return .deleteRange(delete(request.deleteRange, &transaction)) }
        if request.hasTxn { return .txn(try perform(request.txn, &transaction)) }
        if request.hasCompaction {
            try schedule(compactionAt: request.compaction.revision)
            var response = CompactionResponse()
            response.header.revision = revision
            return .compaction(response)
        }
        if request.hasAlarm { return .alarm(perform(request.alarm)) }
        if request.hasLeaseGrant { return .leaseGrant(try grant(request.leaseGrant)) }
        if request.hasLeaseRevoke {
            return .leaseRevoke(try revoke(request.leaseRevoke, &transaction))
        }
        if request.hasLeaseCheckpoint {
            return .leaseCheckpoint(checkpoint(request.leaseCheckpoint))
        }
        if let command = request.unsupportedCommand { throw .unsupported(command) }
        return .none
    }

    func put(
        _ request: PutRequest,
        _ transaction: inout Transaction
    ) throws(EtcdError) -> PutResponse {
        let key = request.key
        var previous: Record?
        if request.ignoreValue || request.ignoreLease || request.prevKv {
            previous = index.revision(of: key.span, at: transaction.current).map(record)
            if previous == nil, request.ignoreValue || request.ignoreLease { throw .keyNotFound }
        }
        let revision = transaction.next
        let history = index.put(key.span, revision)
        let lease = request.ignoreLease ? previous?.lease ?? 0 : request.lease
        let bytes: [UInt8]
        if request.ignoreValue, let previous {
            bytes = encode(key, previous.value, history, revision.main, lease)
        } else {
            bytes = encode(key, request.value, history, revision.main, lease)
        }
        pending.append(RecordKey(revision), bytes)
        transaction.add(Change(revision: revision, isTombstone: false, record: bytes))
        if lease != 0 || !leases.isWithoutKeys { leases.attach(Array(key), to: lease) }
        var response = PutResponse()
        response.header.revision = revision.main
        if request.prevKv, let previous { response.prevKv = previous.keyValue }
        return response
    }

    private func encode(
        _ key: Data,
        _ value: some Collection<UInt8>,
        _ history: KeyHistory,
        _ revision: Int64,
        _ lease: Int64
    ) -> [UInt8] {
        Record.encode(
            key: key,
            value: value,
            createRevision: history.createRevision,
            modRevision: revision,
            version: history.version,
            lease: lease
        )
    }

    func delete(
        _ request: DeleteRangeRequest,
        _ transaction: inout Transaction
    ) -> DeleteRangeResponse {
        let range = KeyRange(key: request.key, rangeEnd: request.rangeEnd)
        let versions = index.versions(range, at: transaction.current)
        var response = DeleteRangeResponse()
        if request.prevKv { response.prevKvs = versions.map { record($0.revision).keyValue } }
        for version in versions { delete(version.key, &transaction) }
        response.deleted = Int64(versions.count)
        response.header.revision = transaction.current
        return response
    }

    /// Deletes a key that exists.
    func delete(_ key: ArraySlice<UInt8>, _ transaction: inout Transaction) {
        let revision = transaction.next
        guard index.delete(key.span, revision) else {
            fatalError("a key that was found to exist does not")
        }
        let bytes = Record.encode(key: key)
        pending.append(RecordKey(revision, isTombstone: true), bytes)
        transaction.add(Change(revision: revision, isTombstone: true, record: bytes))
        if !leases.isWithoutKeys { leases.detach(Array(key)) }
    }
}

extension InternalRaftRequest {
    /// The command it holds, if it is one that is not carried out here.
    fileprivate var unsupportedCommand: String? {
        if hasV2 { return "a v2 request" }
        if hasClusterVersionSet || hasClusterMemberAttrSet || hasDowngradeInfoSet {
            return "a membership command in the keyspace"
        }
        if hasDowngradeVersionTest { return "a downgrade test command" }
        return isAuthCommand ? "an auth command" : nil
    }

    private var isAuthCommand: Bool {
        hasAuthEnable || hasAuthDisable || hasAuthenticate || hasAuthStatus
            || hasAuthUserAdd || hasAuthUserDelete || hasAuthUserGet || hasAuthUserChangePassword
            || hasAuthUserGrantRole || hasAuthUserRevokeRole || hasAuthUserList
            || hasAuthRoleList || hasAuthRoleAdd || hasAuthRoleDelete || hasAuthRoleGet
            || hasAuthRoleGrantPermission || hasAuthRoleRevokePermission
    }
}
