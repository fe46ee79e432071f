internal import EtcdProto

/// Commands about leases. They carry lengths of time, never a moment: what the log says must mean
/// the same whenever it is applied.
extension Keyspace {
    /// A lease that exists.
    package func lease(_ id: LeaseID) -> Lease? { leases[id] }

    /// All that exist, by their numbers.
    package var allLeases: [Lease] { leases.all }

    func grant(_ request: LeaseGrantRequest) throws(EtcdError) -> LeaseGrantResponse {
        let id = LeaseID(request.id)
        guard request.id != 0 else { throw .leaseNotFound }
        guard request.ttl <= LeaseRules.maximumTTL else { throw .leaseTTLTooLarge }
        guard leases[id] == nil else { throw .leaseExist }
        let lease = Lease(id: id, grantedTTL: max(request.ttl, leaseRules.minimumTTL))
        leases.insert(lease)
        pending.write(.lease, id.rowKey, lease.row)
        var response = LeaseGrantResponse()
        response.header.revision = revision
        response.id = request.id
        response.ttl = lease.grantedTTL
        return response
    }

    /// Ends a lease: its keys are deleted in byte order, so that all members number the deletions
    /// alike, and its row goes with them in the same batch.
    func revoke(
        _ request: LeaseRevokeRequest,
        _ transaction: inout Transaction
    ) throws(EtcdError) -> LeaseRevokeResponse {
        let id = LeaseID(request.id)
        guard let lease = leases[id] else { throw .leaseNotFound }
        for key in lease.sortedKeys { delete(key[...], &transaction) }
        leases.remove(id)
        pending.write(.lease, id.rowKey, nil)
        var response = LeaseRevokeResponse()
        response.header.revision = transaction.current
        return response
    }

    /// Notes how much time is left of leases; those that have ended meanwhile do not count.
    func checkpoint(_ request: LeaseCheckpointRequest) -> LeaseCheckpointResponse {
        for point in request.checkpoints {
            let id = LeaseID(point.id)
            leases.setRemaining(point.remainingTtl, of: id)
            if leaseRules.persistsCheckpoints, let lease = leases[id] {
                pending.write(.lease, id.rowKey, lease.row)
            }
        }
        var response = LeaseCheckpointResponse()
        response.header.revision = revision
        return response
    }

    /// Whether a put may name its lease: 0 is none.
    func checkLease(_ request: PutRequest) throws(EtcdError) {
        guard request.lease == 0 || leases[LeaseID(request.lease)] != nil else {
            throw .leaseNotFound
        }
    }
}
