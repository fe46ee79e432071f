package import EtcdProto
package import NIOCore

/// The members of the cluster.
extension EtcdClient {
    /// The members: as the quorum knows them, or as this member does, which needs no quorum.
    package func memberList(
        linearizable: Bool = true,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MemberListResponse {
        var request = MemberListRequest()
        request.linearizable = linearizable
        return try await call("Cluster/MemberList", request, timeout: timeout)
    }

    /// Adds a voting member that will listen on these URLs.
    package func memberAdd(
        peerURLs: [String],
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MemberAddResponse {
        try await add(peerURLs, isLearner: false, timeout)
    }

    /// Adds a member that replicates but does not vote until it is promoted.
    package func memberAddLearner(
        peerURLs: [String],
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MemberAddResponse {
        try await add(peerURLs, isLearner: true, timeout)
    }

    package func memberRemove(
        _ id: MemberID,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MemberRemoveResponse {
        var request = MemberRemoveRequest()
        request.id = id.rawValue
        return try await call("Cluster/MemberRemove", request, timeout: timeout)
    }

    /// Makes a learner a voting member.
    package func memberPromote(
        _ id: MemberID,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MemberPromoteResponse {
        var request = MemberPromoteRequest()
        request.id = id.rawValue
        return try await call("Cluster/MemberPromote", request, timeout: timeout)
    }

    /// Tells the cluster that a member listens for its peers on other URLs.
    package func memberUpdate(
        _ id: MemberID,
        peerURLs: [String],
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MemberUpdateResponse {
        var request = MemberUpdateRequest()
        request.id = id.rawValue
        request.peerUrls = peerURLs
        return try await call("Cluster/MemberUpdate", request, timeout: timeout)
    }

    private func add(
        _ peerURLs: [String],
        isLearner: Bool,
        _ timeout: TimeAmount
    ) async throws(EtcdClientError) -> MemberAddResponse {
        var request = MemberAddRequest()
        request.peerUrls = peerURLs
        request.isLearner = isLearner
        return try await call("Cluster/MemberAdd", request, timeout: timeout)
    }
}
