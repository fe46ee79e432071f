package import EtcdProto
import FoundationEssentials
import GRPC
package import NIOCore

/// Keys and values.
extension EtcdClient {
    package func range(
        _ request: RangeRequest,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> RangeResponse {
        try await call("KV/Range", request, timeout: timeout)
    }

    package func put(
        _ request: PutRequest,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> PutResponse {
        try await call("KV/Put", request, timeout: timeout)
    }

    package func deleteRange(
        _ request: DeleteRangeRequest,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> DeleteRangeResponse {
        try await call("KV/DeleteRange", request, timeout: timeout)
    }

    package func txn(
        _ request: TxnRequest,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> TxnResponse {
        try await call("KV/Txn", request, timeout: timeout)
    }

    package func compact(
        _ request: CompactionRequest,
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> CompactionResponse {
        try await call("KV/Compact", request, timeout: timeout)
    }

    /// Whether the member takes part in a quorum, asked as `etcdctl endpoint health` does: with a
    /// linearizable read of the key `health`. An answer that permission is denied is as good as
    /// any.
    ///
    /// - Returns: Which member answered; nil when permission is denied.
    @discardableResult
    package func health(
        timeout: TimeAmount = EtcdClient.defaultTimeout
    ) async throws(EtcdClientError) -> MemberID? {
        var request = RangeRequest()
        request.key = Data("health".utf8)
        do {
            let answer = try await range(request, timeout: timeout)
            return MemberID(rawValue: answer.header.memberID)
        } catch  where error.status.code == .permissionDenied {
            return nil
        }
    }
}
