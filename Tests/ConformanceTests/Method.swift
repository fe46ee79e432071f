import EtcdProto
import SwiftProtobuf
import TestKit

/// A unary method of etcd's API, whose request is written in protobuf's text format.
struct Method: Sendable {
    let path: String
    let request: @Sendable (_ text: String) throws -> [UInt8]
    let response: @Sendable (_ bytes: [UInt8]) throws -> any SwiftProtobuf.Message

    private init<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ path: String,
        _: Request.Type,
        _: Response.Type
    ) {
        self.path = "/etcdserverpb.\(path)"
        request = { try Self.encode($0, as: Request.self) }
        response = { try Response(serializedBytes: $0) }
    }

    /// A message of which every field that the text names is set.
    static func encode<Request: SwiftProtobuf.Message>(
        _ text: String,
        as type: Request.Type
    ) throws -> [UInt8] {
        do {
            return try Request(textFormatString: text).serializedBytes()
        } catch {
            throw Script.Malformed("not a \(type.protoMessageName): \(text): \(error)")
        }
    }

    static func named(_ name: String) -> Method? {
        all[name]
    }

    private static let all: [String: Method] = [
        "Range": Method("KV/Range", RangeRequest.self, RangeResponse.self),
        "Put": Method("KV/Put", PutRequest.self, PutResponse.self),
        "DeleteRange": Method("KV/DeleteRange", DeleteRangeRequest.self, DeleteRangeResponse.self),
        "Txn": Method("KV/Txn", TxnRequest.self, TxnResponse.self),
        "Compact": Method("KV/Compact", CompactionRequest.self, CompactionResponse.self),
        "LeaseGrant": Method("Lease/LeaseGrant", LeaseGrantRequest.self, LeaseGrantResponse.self),
        "LeaseRevoke":
            Method("Lease/LeaseRevoke", LeaseRevokeRequest.self, LeaseRevokeResponse.self),
        "LeaseTimeToLive":
            Method(
                "Lease/LeaseTimeToLive",
                LeaseTimeToLiveRequest.self,
                LeaseTimeToLiveResponse.self
            ),
        "LeaseLeases":
            Method("Lease/LeaseLeases", LeaseLeasesRequest.self, LeaseLeasesResponse.self),
        "MemberAdd": Method("Cluster/MemberAdd", MemberAddRequest.self, MemberAddResponse.self),
        "MemberRemove":
            Method("Cluster/MemberRemove", MemberRemoveRequest.self, MemberRemoveResponse.self),
        "MemberUpdate":
            Method("Cluster/MemberUpdate", MemberUpdateRequest.self, MemberUpdateResponse.self),
        "MemberList": Method("Cluster/MemberList", MemberListRequest.self, MemberListResponse.self),
        "MemberPromote":
            Method("Cluster/MemberPromote", MemberPromoteRequest.self, MemberPromoteResponse.self),
        "Alarm": Method("Maintenance/Alarm", AlarmRequest.self, AlarmResponse.self),
        "Status": Method("Maintenance/Status", StatusRequest.self, StatusResponse.self),
        "Defragment":
            Method("Maintenance/Defragment", DefragmentRequest.self, DefragmentResponse.self),
        "Hash": Method("Maintenance/Hash", HashRequest.self, HashResponse.self),
        "HashKV": Method("Maintenance/HashKV", HashKVRequest.self, HashKVResponse.self),
        "MoveLeader":
            Method("Maintenance/MoveLeader", MoveLeaderRequest.self, MoveLeaderResponse.self),
        "Downgrade": Method("Maintenance/Downgrade", DowngradeRequest.self, DowngradeResponse.self),
    ]
}
