package import EtcdProto
import GRPC
package import NIOCore

/// Leases, but for keeping them alive, which is a stream.
extension EtcdClient {
    /// A lease of so many seconds; with id 0 the cluster draws one.
    package func leaseGrant(
        id: Int64 = 0,
        ttl: Int64,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> LeaseGrantResponse {
        var request = LeaseGrantRequest()
        request.id = id
        request.ttl = ttl
        return try await call("Lease/LeaseGrant", request, timeout: timeout)
    }

    package func leaseRevoke(
        _ id: Int64,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> LeaseRevokeResponse {
        var request = LeaseRevokeRequest()
        request.id = id
        return try await call("Lease/LeaseRevoke", request, timeout: timeout)
    }

    /// A TTL of -1 says that there is no such lease.
    package func leaseTimeToLive(
        _ id: Int64,
        keys: Bool = false,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> LeaseTimeToLiveResponse {
        var request = LeaseTimeToLiveRequest()
        request.id = id
        request.keys = keys
        return try await call("Lease/LeaseTimeToLive", request, timeout: timeout)
    }

    package func leaseLeases(
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> LeaseLeasesResponse {
        try await call("Lease/LeaseLeases", LeaseLeasesRequest(), timeout: timeout)
    }
}
