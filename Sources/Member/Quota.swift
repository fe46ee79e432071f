import EtcdProto

/// How large the backend may grow. Local sizes differ between members, so this never decides about
/// what is applied: it refuses new requests, and tells the own client of one that was applied.
package struct Quota: Sendable {
    /// What the user has set; nil is no bound.
    let limitBytes: Int64?

    /// The backend's files are mapped whole, and this is the most that they may be: nobody gets
    /// beyond it, whatever the quota.
    private static let mapBytesMax: Int64 = 1 << 40
    /// Of the map, what is kept free for what is on its way: pending writes, and old pages that
    /// somebody still reads.
    private static let slackBytes: Int64 = 256 << 20

    /// etcd's reading of `--quota-backend-bytes`: 0 is its default of 2 GiB, less is no bound.
    init(configured: Int64) {
        limitBytes = configured < 0 ? nil : configured == 0 ? 2 << 30 : configured
    }

    /// The size of the backend's map under this quota, in bytes: room for twice the quota, because
    /// LMDB keeps old pages while somebody reads them.
    package static func mapSize(configured: Int64) -> Int {
        let limit = Quota(configured: configured).limitBytes ?? mapBytesMax
        let wanted = limit >= mapBytesMax / 2 ? mapBytesMax : max(2 * limit, 1 << 30) + slackBytes
        return Int(wanted)
    }

    /// Whether the request fits beside what the backend holds. One that puts nothing always does.
    func allows(_ request: InternalRaftRequest, size: Int64) -> Bool {
        let limitBytes = min(limitBytes ?? .max, Quota.mapBytesMax - Quota.slackBytes)
        let cost = Quota.cost(of: request)
        return cost == 0 || size + cost < limitBytes
    }

    private static func cost(of request: InternalRaftRequest) -> Int64 {
        if request.hasPut { return cost(of: request.put) }
        if request.hasTxn { return cost(of: request.txn) }
        return request.hasLeaseGrant ? leaseBytes : 0
    }

    private static func cost(of put: PutRequest) -> Int64 {
        overheadBytes + Int64(put.key.count + put.value.count)
    }

    /// Of the dearer branch.
    private static func cost(of txn: TxnRequest) -> Int64 {
        max(cost(of: txn.success), cost(of: txn.failure))
    }

    private static func cost(of operations: [RequestOp]) -> Int64 {
        operations.reduce(0) { sum, operation in
            switch operation.request {
            case .requestPut(let put): sum + cost(of: put)
            case .requestTxn(let txn): sum + cost(of: txn)
            default: sum
            }
        }
    }

    /// What etcd counts for a key and its place in the tree.
    private static let overheadBytes: Int64 = 256
    private static let leaseBytes: Int64 = 64
}
