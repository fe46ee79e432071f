import EtcdProto
package import Keyspace
import Raft

/// A write to one of the keyspace's small buckets.
typealias BucketWrite = (bucket: Bucket, key: [UInt8], value: [UInt8]?)

// The records of etcd's `members`, `members_removed`, `cluster` and `meta` buckets.
extension Membership {
    private static let clusterVersionKey = Array("clusterVersion".utf8)
    private static let downgradeKey = Array("downgrade".utf8)
    private static let removedValue = Array("removed".utf8)

    /// As of the last entry whose effect the keyspace holds.
    init(restoring keyspace: Keyspace) throws(StartError) {
        try self.init { keyspace.bucketEntries($0) }
    }

    /// As of the last entry whose effect the view shows.
    package init(restoring view: any BackendView) throws(StartError) {
        try self.init { bucket throws(StartError) in
            var rows: [(key: [UInt8], value: [UInt8])] = []
            do throws(BackendError) {
                try view.scan(bucket, from: []) { key, value in
                    rows.append(([UInt8](copying: key), [UInt8](copying: value)))
                    return true
                }
            } catch {
                throw .backend(error)
            }
            return rows
        }
    }

    private init(
        rows: (Bucket) throws(StartError) -> [(key: [UInt8], value: [UInt8])]
    ) throws(StartError) {
        var members: [MemberInfo] = []
        for (key, value) in try rows(.members) {
            let member = try Membership.record(.members, key) { () throws(JSONError) in
                try MemberInfo(json: value)
            }
            members.append(member)
        }
        self.init(members: members)
        for (key, _) in try rows(.membersRemoved) {
            let text = String(decoding: key, as: UTF8.self)
            guard let id = MemberID(hex: text) else {
                throw Membership.bad(.membersRemoved, key, "the key is not a member's id")
            }
            markRemoved(id)
        }
        let cluster = try rows(.cluster)
        let key = Membership.clusterVersionKey
        if let value = cluster.first(where: { $0.key == key })?.value {
            guard let version = ServerVersion(String(decoding: value, as: UTF8.self)) else {
                throw Membership.bad(.cluster, key, "not a version")
            }
            setClusterVersion(version)
        }
        if let value = cluster.first(where: { $0.key == Membership.downgradeKey })?.value {
            setDowngrade(
                try Membership.record(.cluster, Membership.downgradeKey) { () throws(JSONError) in
                    try Downgrade(json: value)
                }
            )
        }
    }

    /// Raft's configuration as of the same entry; nil when it was never written.
    static func confState(of keyspace: Keyspace) throws(StartError) -> ConfState? {
        let key = MetaKey.confState
        guard let value = keyspace.bucketValue(.meta, key) else { return nil }
        return try record(.meta, key) { () throws(JSONError) in try ConfState(json: value) }
    }

    /// The configuration that these members make up.
    var confState: ConfState {
        ConfState(voters: voters.map(\.id.node), learners: learners.map(\.id.node))
    }

    /// What the change leaves to be written, after it has been applied.
    func writes(for change: MembershipChange, confState: ConfState) -> [BucketWrite] {
        let id = change.member
        var writes: [BucketWrite] = [
            (.members, Membership.key(id), member(id)?.json)
        ]
        if case .remove = change {
            writes.append((.membersRemoved, Membership.key(id), Membership.removedValue))
        }
        writes.append((.meta, MetaKey.confState, confState.json))
        return writes
    }

    /// All members, of a cluster that none has ever joined or left.
    func writesForFounding() -> [BucketWrite] {
        members.map { (.members, Membership.key($0.id), $0.json) }
            + [(.meta, MetaKey.confState, confState.json)]
    }

    /// Every member publishes its attributes when it has started: so the schema's version gets
    /// into a store that has come without it.
    func writesForAttributes(of id: MemberID) -> [BucketWrite] {
        [(.members, Membership.key(id), member(id)?.json), writeForSchema()]
    }

    func writesForClusterVersion() -> [BucketWrite] {
        let version = clusterVersion.map { Array($0.description.utf8) }
        return [(.cluster, Membership.clusterVersionKey, version), writeForSchema()]
    }

    /// The schema's version follows the cluster's. 3.6 has introduced the record, and nothing else;
    /// a cluster that goes back takes it out again.
    func writeForSchema() -> BucketWrite {
        let version = clusterVersion.flatMap { $0 >= .firstWithSchema ? $0 : nil }
        return (.meta, MetaKey.storageVersion, version.map { Array($0.description.utf8) })
    }

    func writesForDowngrade() -> [BucketWrite] {
        [(.cluster, Membership.downgradeKey, downgrade?.json)]
    }

    private static func key(_ id: MemberID) -> [UInt8] {
        Array(id.description.utf8)
    }

    private static func record<Value>(
        _ bucket: Bucket,
        _ key: [UInt8],
        _ read: () throws(JSONError) -> Value
    ) throws(StartError) -> Value {
        do {
            return try read()
        } catch {
            throw bad(bucket, key, error.description)
        }
    }

    private static func bad(_ bucket: Bucket, _ key: [UInt8], _ reason: String) -> StartError {
        .badRecord(
            bucket: bucket.rawValue,
            key: String(decoding: key, as: UTF8.self),
            reason: reason
        )
    }
}

// `{"voters":[1,2],"learners":[3],"auto_leave":false}`: Go's form of raftpb.ConfState, empty lists
// left out.
extension ConfState {
    /// The record of it in the `meta` bucket.
    package var json: [UInt8] {
        var writer = JSONWriter()
        for (name, nodes) in [
            ("voters", voters), ("learners", learners), ("voters_outgoing", votersOutgoing),
            ("learners_next", learnersNext),
        ] where !nodes.isEmpty {
            writer.field(name, nodes.map(\.rawValue))
        }
        writer.field("auto_leave", autoLeave)
        return writer.finished()
    }

    init(json bytes: [UInt8]) throws(JSONError) {
        let value = try JSONValue(parsing: bytes)
        func nodes(_ name: String) throws(JSONError) -> [NodeID] {
            try value.numbers(name).map { NodeID(rawValue: $0) }
        }
        self.init(
            voters: try nodes("voters"),
            learners: try nodes("learners"),
            votersOutgoing: try nodes("voters_outgoing"),
            learnersNext: try nodes("learners_next"),
            autoLeave: try value.flag("auto_leave")
        )
    }
}
