package import EtcdProto
package import NIOCore

/// The state of this one member.
extension EtcdClient {
    /// Version, size, leader, term, index and errors, as the member sees them.
    package func status(
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> StatusResponse {
        try await call("Maintenance/Status", StatusRequest(), timeout: timeout)
    }

    /// Asks this member, which must be the leader, to hand its office to another.
    package func moveLeader(
        to target: MemberID,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MoveLeaderResponse {
        var request = MoveLeaderRequest()
        request.targetID = target.rawValue
        return try await call("Maintenance/MoveLeader", request, timeout: timeout)
    }

    /// A hash over all that is stored up to a revision; zero means the newest.
    package func hashKV(
        revision: Int64 = 0,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> HashKVResponse {
        var request = HashKVRequest()
        request.revision = revision
        return try await call("Maintenance/HashKV", request, timeout: timeout)
    }

    /// Lists, raises or lowers alarms.
    package func alarm(
        _ request: AlarmRequest,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> AlarmResponse {
        try await call("Maintenance/Alarm", request, timeout: timeout)
    }

    /// Gives unused space of the member's store back; the member answers nothing else meanwhile.
    package func defragment(
        timeout: TimeAmount
    ) async throws(EtcdClientError) -> DefragmentResponse {
        try await call("Maintenance/Defragment", DefragmentRequest(), timeout: timeout)
    }
}
