import EtcdProto
import FoundationEssentials
import Keyspace

// The clients' requests as etcd's messages, and etcd's answers as theirs.

extension Operation.Request {
    /// The command to be replicated, for a request that may change something.
    var raftRequest: InternalRaftRequest {
        var request = InternalRaftRequest()
        switch self {
        case .put(let key, let value): request.put = Self.put(key, value)
        case .range(let range): request.range = range.request
        case .delete(let range): request.deleteRange = range.deletion
        case .txn: request.txn = txn
        }
        return request
    }

    private static func put(_ key: String, _ value: String) -> PutRequest {
        var put = PutRequest()
        put.key = Data(key.utf8)
        put.value = Data(value.utf8)
        return put
    }

    private var txn: TxnRequest {
        var request = TxnRequest()
        guard case .txn(let compares, let success, let failure) = self else { return request }
        request.compare = compares.map(\.compare)
        request.success = success.map(\.operation)
        request.failure = failure.map(\.operation)
        return request
    }

    private var operation: RequestOp {
        var operation = RequestOp()
        switch self {
        case .put(let key, let value): operation.requestPut = Self.put(key, value)
        case .range(let range): operation.requestRange = range.request
        case .delete(let range): operation.requestDeleteRange = range.deletion
        case .txn: operation.requestTxn = txn
        }
        return operation
    }

    /// A read's answer from a member's state, which is known to be new enough.
    func answer(
        from keyspace: Keyspace
    ) -> Swift.Result<Operation.Response?, EtcdError> {
        Swift.Result { () throws(EtcdError) in
            switch self {
            case .range(let range):
                Operation.Response(.range(try keyspace.range(range.request)), to: self)
            case .txn:
                Operation.Response(.txn(try keyspace.read(txn)), to: self)
            case .put, .delete:
                nil
            }
        }
    }

    /// In one line, for people.
    var summary: String {
        switch self {
        case .put(let key, let value): "put \(key)=\(value)"
        case .range(let range): "range \(range.summary)"
        case .delete(let range): "delete \(range.summary)"
        case .txn(let compares, let success, let failure):
            "if \(compares.map(\.summary).joined(separator: " and "))"
                + " then \(success.map(\.summary).joined(separator: ", "))"
                + " else \(failure.map(\.summary).joined(separator: ", "))"
        }
    }
}

extension Operation.KeyRange {
    fileprivate var request: RangeRequest {
        var request = RangeRequest()
        request.key = Data(key.utf8)
        if let end { request.rangeEnd = Data(end.utf8) }
        return request
    }

    fileprivate var deletion: DeleteRangeRequest {
        var request = DeleteRangeRequest()
        request.key = Data(key.utf8)
        if let end { request.rangeEnd = Data(end.utf8) }
        return request
    }

    fileprivate var summary: String {
        end.map { "\(key)..<\($0)" } ?? key
    }
}

extension Operation.Compare {
    fileprivate var compare: Compare {
        var compare = Compare()
        compare.key = Data(key.utf8)
        compare.result =
            switch relation {
            case .equal: .equal
            case .notEqual: .notEqual
            case .less: .less
            case .greater: .greater
            }
        switch operand {
        case .modRevision(let revision):
            compare.target = .mod
            compare.modRevision = revision
        case .createRevision(let revision):
            compare.target = .create
            compare.createRevision = revision
        case .version(let version):
            compare.target = .version
            compare.version = version
        case .value(let value):
            compare.target = .value
            compare.value = Data(value.utf8)
        }
        return compare
    }

    fileprivate var summary: String {
        "\(operand) of \(key) is \(relation)"
    }
}

extension Operation.Response {
    /// Nil when the answer is none to this request.
    init?(_ response: ApplyResponse, to request: Operation.Request) {
        switch (response, request) {
        case (.put(let response), .put):
            self.init(revision: response.header.revision, result: .put)
        case (.range(let response), .range):
            self.init(revision: response.header.revision, result: response.result)
        case (.deleteRange(let response), .delete):
            self.init(
                revision: response.header.revision,
                result: .delete(count: Int(response.deleted))
            )
        case (.txn(let response), .txn):
            self.init(revision: response.header.revision, result: response.result)
        default:
            return nil
        }
    }
}

extension RangeResponse {
    fileprivate var result: Operation.Result {
        .range(
            kvs.map { row in
                Operation.Row(
                    key: String(decoding: row.key, as: UTF8.self),
                    value: String(decoding: row.value, as: UTF8.self),
                    createRevision: row.createRevision,
                    modRevision: row.modRevision,
                    version: row.version
                )
            }
        )
    }
}

extension TxnResponse {
    fileprivate var result: Operation.Result {
        .txn(
            succeeded: succeeded,
            results: responses.map { response in
                switch response.response {
                case .responsePut, nil: .put
                case .responseRange(let range): range.result
                case .responseDeleteRange(let deletion): .delete(count: Int(deletion.deleted))
                case .responseTxn(let txn): txn.result
                }
            }
        )
    }
}
