package import EtcdProto
internal import FoundationEssentials

/// What is wrong with a request whatever the keyspace holds: checked before it is proposed, in
/// etcd's order, with etcd's errors.
extension Keyspace {
    package func check(_ request: RangeRequest) throws(EtcdError) {
        guard !request.key.isEmpty else { throw .emptyKey }
        if case .UNRECOGNIZED = request.sortOrder { throw .invalidSortOption }
        if case .UNRECOGNIZED = request.sortTarget { throw .invalidSortOption }
    }

    package func check(_ request: PutRequest) throws(EtcdError) {
        guard !request.key.isEmpty else { throw .emptyKey }
        if request.ignoreValue, !request.value.isEmpty { throw .valueProvided }
        if request.ignoreLease, request.lease != 0 { throw .leaseProvided }
    }

    package func check(_ request: DeleteRangeRequest) throws(EtcdError) {
        guard !request.key.isEmpty else { throw .emptyKey }
    }

    /// - Parameter maxOps: The most comparisons or operations of one branch. What the widest list
    ///   of a level takes is not left for the levels below, which so bounds the depth.
    package func check(_ request: TxnRequest, maxOps: Int) throws(EtcdError) {
        try checkOperations(request, maxOps)
        _ = try TouchedKeys(request.success)
        _ = try TouchedKeys(request.failure)
    }

    private func checkOperations(_ request: TxnRequest, _ maxOps: Int) throws(EtcdError) {
        let widest = max(request.compare.count, request.success.count, request.failure.count)
        guard widest <= maxOps else { throw .tooManyOps }
        for compare in request.compare where compare.key.isEmpty { throw .emptyKey }
        for operation in request.success { try check(operation, maxOps - widest) }
        for operation in request.failure { try check(operation, maxOps - widest) }
    }

    private func check(_ operation: RequestOp, _ maxOps: Int) throws(EtcdError) {
        switch operation.request {
        case .requestRange(let request): try check(request)
        case .requestPut(let request): try check(request)
        case .requestDeleteRange(let request): try check(request)
        case .requestTxn(let request): try checkOperations(request, maxOps)
        case nil: throw .keyNotFound
        }
    }
}
