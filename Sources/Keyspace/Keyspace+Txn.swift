package import EtcdProto
internal import FoundationEssentials

extension Keyspace {
    /// Answers a transaction that only reads, without an entry. See `TxnRequest.isReadOnly`.
    package func read(_ request: TxnRequest) throws(EtcdError) -> TxnResponse {
        guard request.isReadOnly else { fatalError("a transaction that writes needs an entry") }
        var transaction = Transaction(base: revision)
        return try perform(request, &transaction)
    }

    /// Runs a transaction. All comparisons, those of nested transactions too, look at the state
    /// before it, and the whole chosen branch is checked before the first write.
    func perform(
        _ request: TxnRequest,
        _ transaction: inout Transaction
    ) throws(EtcdError) -> TxnResponse {
        let choice = choose(request)
        try check(request, choice)
        var response = try execute(request, choice, &transaction)
        response.header.revision = transaction.current
        return response
    }

    /// Which branch of a transaction is taken, and of those nested in that branch.
    private struct Choice {
        let succeeded: Bool
        /// Of the nested transactions, in their order.
        let nested: [Choice]
    }

    private func choose(_ request: TxnRequest) -> Choice {
        let succeeded = request.compare.allSatisfy(holds)
        let nested = request.branch(succeeded).compactMap { operation -> Choice? in
            guard case .requestTxn(let nested) = operation.request else { return nil }
            return choose(nested)
        }
        return Choice(succeeded: succeeded, nested: nested)
    }

    private func check(_ request: TxnRequest, _ choice: Choice) throws(EtcdError) {
        var nested = choice.nested[...]
        for operation in request.branch(choice.succeeded) {
            switch operation.request {
            case .requestRange(let range): try checkRevision(range)
            case .requestPut(let put):
                if put.ignoreValue || put.ignoreLease {
                    let key = put.key
                    guard index.history(key.span)?.isLive == true else { throw .keyNotFound }
                }
                try checkLease(put)
            case .requestTxn(let txn):
                if let first = nested.popFirst() { try check(txn, first) }
            case .requestDeleteRange, nil: break
            }
        }
    }

    /// Stricter than a range of its own: a negative revision is below a compacted one.
    private func checkRevision(_ request: RangeRequest) throws(EtcdError) {
        guard request.revision != 0 else { return }
        guard request.revision <= revision else { throw .futureRev }
        guard request.revision >= compactRevision else { throw .compacted }
    }

    /// Runs the operations of the chosen branch in order. Nested responses carry an empty header.
    private func execute(
        _ request: TxnRequest,
        _ choice: Choice,
        _ transaction: inout Transaction
    ) throws(EtcdError) -> TxnResponse {
        var response = TxnResponse()
        response.header = ResponseHeader()
        response.succeeded = choice.succeeded
        var nested = choice.nested[...]
        for operation in request.branch(choice.succeeded) {
            var answer = ResponseOp()
            switch operation.request {
            case .requestRange(let range):
                answer.responseRange = try rows(range, current: transaction.current).response
            case .requestPut(let put):
                answer.responsePut = try self.put(put, &transaction)
            case .requestDeleteRange(let deletion):
                answer.responseDeleteRange = delete(deletion, &transaction)
            case .requestTxn(let txn):
                if let first = nested.popFirst() {
                    answer.responseTxn = try execute(txn, first, &transaction)
                }
            case nil: break
            }
            response.responses.append(answer)
        }
        return response
    }

    // MARK: Comparisons

    private func holds(_ compare: Compare) -> Bool {
        let range = KeyRange(key: compare.key, rangeEnd: compare.rangeEnd)
        var found = false
        var holds = true
        index.visit(range) { page, positions in
            for position in positions where page.histories[position].isLive {
                found = true
                holds = compare.holds(for: state(page.histories[position], compare.target))
                if !holds { return false }
            }
            return true
        }
        if found { return holds }
        // A value that does not exist cannot be told from an empty one, so it never compares.
        return compare.target == .value ? false : compare.holds(for: CompareState())
    }

    /// What a comparison looks at; records are read only for what the index does not know.
    private func state(_ history: KeyHistory, _ target: Compare.CompareTarget) -> CompareState {
        var state = CompareState(
            version: history.version,
            createRevision: history.createRevision,
            modRevision: history.modified.revision.main
        )
        if target == .value || target == .lease {
            let record = record(history.modified.revision)
            state.value = record.value
            state.lease = record.lease
        }
        return state
    }
}

/// The properties of a key that a transaction can compare; zero for a key that does not exist.
private struct CompareState {
    var version: Int64 = 0
    var createRevision: Int64 = 0
    var modRevision: Int64 = 0
    var lease: Int64 = 0
    var value: ArraySlice<UInt8> = []
}

extension Compare {
    /// Compares with the operand of the target; an operand of another target counts as zero.
    fileprivate func holds(for state: CompareState) -> Bool {
        switch target {
        case .version: holds(state.version, version)
        case .create: holds(state.createRevision, createRevision)
        case .mod: holds(state.modRevision, modRevision)
        case .lease: holds(state.lease, lease)
        case .value: holds(state.value, value)
        // Of a target that no version knows, both sides are equal.
        case .UNRECOGNIZED: holds(0, 0)
        }
    }

    private func holds(_ left: Int64, _ right: Int64) -> Bool {
        holds(isEqual: left == right, isGreater: left > right)
    }

    private func holds(_ left: ArraySlice<UInt8>, _ right: Data) -> Bool {
        holds(
            isEqual: left.span.isEqual(to: right.span),
            isGreater: right.span.precedes(left.span)
        )
    }

    private func holds(isEqual: Bool, isGreater: Bool) -> Bool {
        switch result {
        case .equal: isEqual
        case .notEqual: !isEqual
        case .greater: isGreater
        case .less: !isEqual && !isGreater
        case .UNRECOGNIZED: true
        }
    }
}

extension TxnRequest {
    func branch(_ succeeded: Bool) -> [RequestOp] { succeeded ? success : failure }

    /// Whether both branches only read: then no entry is needed.
    package var isReadOnly: Bool {
        (success + failure).allSatisfy { $0.range != nil }
    }

    /// Whether both branches hold only serializable reads: then no quorum is needed.
    package var isSerializable: Bool {
        (success + failure).allSatisfy { $0.range?.serializable == true }
    }
}

extension RequestOp {
    fileprivate var range: RangeRequest? {
        guard case .requestRange(let range) = request else { return nil }
        return range
    }
}
