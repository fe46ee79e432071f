package import EtcdProto

/// What applying one command gave: the same on every member.
package struct Outcome: Sendable {
    package let result: Result<ApplyResponse, EtcdError>
    /// What changed, in the order of sub-revisions; empty after an error.
    package let changes: [Change]

    package init(_ result: Result<ApplyResponse, EtcdError>, changes: [Change] = []) {
        self.result = result
        self.changes = changes
    }

    package var response: ApplyResponse? {
        guard case .success(let response) = result else { return nil }
        return response
    }

    package var error: EtcdError? {
        guard case .failure(let error) = result else { return nil }
        return error
    }
}

/// The answer of a command. Of its header only the revision is set.
package enum ApplyResponse: Sendable {
    case put(PutResponse)
    case range(RangeResponse)
    case deleteRange(DeleteRangeResponse)
    case txn(TxnResponse)
    case compaction(CompactionResponse)
    case alarm(AlarmResponse)
    case leaseGrant(LeaseGrantResponse)
    case leaseRevoke(LeaseRevokeResponse)
    case leaseCheckpoint(LeaseCheckpointResponse)
    /// The entry held no command.
    case none
}

/// One new version of one key, or its deletion.
package struct Change: Sendable {
    package let revision: Revision
    package let isTombstone: Bool
    /// The bytes of the `mvccpb.KeyValue` that was written; a tombstone's holds only the key.
    package let record: [UInt8]
}
