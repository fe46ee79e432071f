import EtcdProto
import Keyspace
import Member

// Downgrading: the cluster's version is lowered so that members of the version before may join.
extension MaintenanceService {
    func downgrade(
        _ request: DowngradeRequest,
        _ reply: @escaping ServiceCalls.Reply<DowngradeResponse>
    ) {
        let answer: (EtcdError?) -> Void = { error in
            if let error { return reply(.failure(error)) }
            var response = DowngradeResponse()
            // Major and minor only.
            if let version = self.member.membership.clusterVersion {
                response.version = "\(version.major).\(version.minor)"
            }
            response.header = self.calls.header()
            reply(.success(response))
        }
        switch request.action {
        case .validate: member.validateDowngrade(to: request.version, answer)
        case .enable: member.enableDowngrade(to: request.version, answer)
        case .cancel: member.cancelDowngrade(answer)
        case .UNRECOGNIZED: reply(.failure(.unknownMethod))
        }
    }
}

extension EtcdError {
    /// gRPC's code for what a server's Go error says without one: unknown.
    fileprivate static let unknownMethod = EtcdError(
        code: 2,
        message: "etcdserver: unknown method"
    )
}
