package import EtcdProto
package import Keyspace

/// The checksum of a member's keyspace, as members tell it each other at `/members/hashkv`: in the
/// JSON of Go's protobuf structs, where what is zero is left out:
///
///     {"header":{"cluster_id":1,"member_id":2,"revision":9,"raft_term":3},
///      "hash":4,"compact_revision":-1,"hash_revision":9}
package struct PeerHash: Hashable, Sendable {
    package let hash: KeyspaceHash
    package let clusterID: ClusterID
    package let memberID: MemberID
    /// The member's present revision.
    package let revision: Int64
    package let term: UInt64

    package init(
        _ hash: KeyspaceHash,
        clusterID: ClusterID,
        memberID: MemberID,
        revision: Int64,
        term: UInt64
    ) {
        self.hash = hash
        self.clusterID = clusterID
        self.memberID = memberID
        self.revision = revision
        self.term = term
    }

    package var json: [UInt8] {
        var header = JSONWriter()
        header.fieldUnlessZero("cluster_id", clusterID.rawValue)
        header.fieldUnlessZero("member_id", memberID.rawValue)
        header.fieldUnlessZero("revision", revision)
        header.fieldUnlessZero("raft_term", term)
        var writer = JSONWriter()
        writer.field("header", header)
        writer.fieldUnlessZero("hash", hash.hash)
        writer.fieldUnlessZero("compact_revision", hash.compactRevision)
        writer.fieldUnlessZero("hash_revision", hash.hashedRevision)
        return writer.finished()
    }

    /// Members of 3.5.1 leave out whose hash it is, and of which revision.
    package init(json bytes: [UInt8]) throws(JSONError) {
        let value = try JSONValue(parsingObject: bytes)
        let header = value["header"] ?? .object([])
        clusterID = ClusterID(rawValue: try header.number("cluster_id"))
        memberID = MemberID(rawValue: try header.number("member_id"))
        revision = try header.signed("revision")
        term = try header.number("raft_term")
        guard let sum = UInt32(exactly: try value.number("hash")) else {
            throw JSONError(offset: 0, reason: "hash is not a number of 32 bits")
        }
        hash = KeyspaceHash(
            hash: sum,
            compactRevision: try value.signed("compact_revision"),
            hashedRevision: try value.signed("hash_revision")
        )
    }
}

/// What is asked there: `{"revision":9}`, 0 (or nothing) for the present one.
extension PeerHash {
    package static func question(_ revision: Int64) -> [UInt8] {
        var writer = JSONWriter()
        writer.fieldUnlessZero("revision", revision)
        return writer.finished()
    }

    package static func revision(inQuestion bytes: [UInt8]) throws(JSONError) -> Int64 {
        try JSONValue(parsingObject: bytes).signed("revision")
    }
}

extension JSONWriter {
    fileprivate mutating func fieldUnlessZero<Number: FixedWidthInteger>(
        _ name: String,
        _ number: Number
    ) {
        if number != 0 { field(name, whole: number) }
    }
}

extension JSONValue {
    fileprivate init(parsingObject bytes: [UInt8]) throws(JSONError) {
        self = try JSONValue(parsing: bytes)
        guard case .object = self else {
            throw JSONError(offset: 0, reason: "it is not an object")
        }
    }
}
