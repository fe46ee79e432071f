import EtcdProto
import FoundationEssentials
import Keyspace
import Member
import SwiftProtobuf

/// Something about a lease that only the leader can answer: how this member does when it leads,
/// and how it asks another that does.
struct LeaseQuestion<Answer> {
    enum Outcome {
        case found(Answer)
        case notFound
        /// Who was asked does not know, perhaps because it leads no more or not yet.
        case unclear
        case failed(EtcdError)
    }

    let askHere: (Member, @escaping (Outcome) -> Void) -> Void
    let path: String
    let body: () throws -> [UInt8]
    /// Nil: that is no answer to this question.
    let decode: ([UInt8]) -> Answer?
}

extension LeaseQuestion<Int64> {
    /// Gives the lease its whole time anew; the answer is that time in seconds.
    static func renewal(of id: LeaseID) -> LeaseQuestion {
        LeaseQuestion(
            askHere: { member, reply in
                member.renewLease(id) { renewal in
                    switch renewal {
                    case .renewed(let ttl): reply(.found(ttl))
                    case .notFound: reply(.notFound)
                    case .notPrimary: reply(.unclear)
                    case .failed(let error): reply(.failed(error))
                    }
                }
            },
            path: LeaseEndpoints.renewal,
            body: {
                var request = LeaseKeepAliveRequest()
                request.id = id.rawValue
                return try request.serializedBytes()
            },
            decode: { bytes in
                let response = try? LeaseKeepAliveResponse(serializedBytes: bytes)
                return response?.id == id.rawValue ? response?.ttl : nil
            }
        )
    }
}

extension LeaseQuestion<LeaseTimeToLiveResponse> {
    static func timeToLive(of id: LeaseID, keys: Bool) -> LeaseQuestion {
        LeaseQuestion(
            askHere: { member, reply in
                member.leaseInfo(id, keys: keys) { result in
                    switch result {
                    case .success(let info?):
                        reply(.found(LeaseTimeToLiveResponse(id.rawValue, info)))
                    case .success(nil): reply(.notFound)
                    case .failure(.leaderChanged): reply(.unclear)
                    case .failure(let error): reply(.failed(error))
                    }
                }
            },
            path: LeaseEndpoints.inquiry,
            body: {
                var request = LeasepbLeaseInternalRequest()
                request.leaseTimeToLiveRequest.id = id.rawValue
                request.leaseTimeToLiveRequest.keys = keys
                return try request.serializedBytes()
            },
            decode: { bytes in
                let message = try? LeasepbLeaseInternalResponse(serializedBytes: bytes)
                guard let response = message?.leaseTimeToLiveResponse, response.id == id.rawValue
                else { return nil }
                return response
            }
        )
    }
}

extension LeaseTimeToLiveResponse {
    /// Without a header.
    init(_ id: Int64, _ info: Member.LeaseInfo) {
        self.init()
        self.id = id
        ttl = info.remainingTTL
        grantedTtl = info.grantedTTL
        keys = info.keys.map { Data($0) }
    }
}
