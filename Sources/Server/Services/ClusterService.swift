import EtcdProto
import GRPC
import Keyspace
import Member

/// `etcdserverpb.Cluster`: who belongs to the cluster, and changes of that.
final class ClusterService {
    private let calls: ServiceCalls

    init(_ calls: ServiceCalls) {
        self.calls = calls
    }

    private var member: Member { calls.member }

    func method(_ name: Substring) -> GRPCMethod? {
        switch name {
        case "MemberList": calls.unary(list)
        case "MemberAdd": calls.unary(add)
        case "MemberRemove": calls.unary(remove)
        case "MemberUpdate": calls.unary(update)
        case "MemberPromote": calls.unary(promote)
        default: nil
        }
    }

    private func list(
        _ request: MemberListRequest,
        _ reply: @escaping ServiceCalls.Reply<MemberListResponse>
    ) {
        func answer() {
            var response = MemberListResponse()
            response.header = calls.bareHeader
            response.members = member.membership.members.map(ClusterMember.init)
            reply(.success(response))
        }
        guard request.linearizable else { return answer() }
        member.read { error in
            if let error { reply(.failure(error)) } else { answer() }
        }
    }

    private func add(
        _ request: MemberAddRequest,
        _ reply: @escaping ServiceCalls.Reply<MemberAddResponse>
    ) {
        member.addMember(
            peerURLs: request.peerUrls,
            isLearner: request.isLearner,
            // etcd leaves the token out here; the time tells equal URLs apart.
            token: "",
            unixSeconds: WallClock.milliseconds() / 1_000
        ) { result in
            reply(
                result.map { change in
                    var response = MemberAddResponse()
                    response.header = self.calls.bareHeader
                    response.member = ClusterMember(change.added)
                    response.members = change.all.map(ClusterMember.init)
                    return response
                }
            )
        }
    }

    private func remove(
        _ request: MemberRemoveRequest,
        _ reply: @escaping ServiceCalls.Reply<MemberRemoveResponse>
    ) {
        member.removeMember(MemberID(rawValue: request.id)) { result in
            reply(
                result.map { members in
                    var response = MemberRemoveResponse()
                    response.header = self.calls.bareHeader
                    response.members = members.map(ClusterMember.init)
                    return response
                }
            )
        }
    }

    private func update(
        _ request: MemberUpdateRequest,
        _ reply: @escaping ServiceCalls.Reply<MemberUpdateResponse>
    ) {
        let id = MemberID(rawValue: request.id)
        member.updateMember(id, peerURLs: request.peerUrls) { result in
            reply(
                result.map { members in
                    var response = MemberUpdateResponse()
                    response.header = self.calls.bareHeader
                    response.members = members.map(ClusterMember.init)
                    return response
                }
            )
        }
    }

    private func promote(
        _ request: MemberPromoteRequest,
        _ reply: @escaping ServiceCalls.Reply<MemberPromoteResponse>
    ) {
        let forwarding = PromotionForwarding(MemberID(rawValue: request.id), calls.loop) { result in
            reply(
                result.map { members in
                    var response = MemberPromoteResponse()
                    response.header = self.calls.bareHeader
                    response.members = members.map(ClusterMember.init)
                    return response
                }
            )
        }
        forwarding.run()
    }
}

extension ClusterMember {
    fileprivate init(_ member: MemberInfo) {
        self.init()
        id = member.id.rawValue
        name = member.name
        peerUrls = member.peerURLs
        clientUrls = member.clientURLs
        isLearner = member.isLearner
    }
}
