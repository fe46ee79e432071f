package import EtcdProto

/// Whose data a directory holds: `identity.json`, a readable copy of what the log's metadata says.
/// Its text: `{"name":"a","member_id":"8e9e05c52164694d","cluster_id":"cdf818194e3a8c32"}`.
package struct Identity: Hashable, Sendable {
    package let name: String
    package let memberID: MemberID
    package let clusterID: ClusterID

    package init(name: String, memberID: MemberID, clusterID: ClusterID) {
        self.name = name
        self.memberID = memberID
        self.clusterID = clusterID
    }

    package init?(json: String) {
        guard let member = JSONText.plainString("member_id", in: json),
            let memberID = MemberID(hex: member),
            let cluster = JSONText.plainString("cluster_id", in: json),
            let clusterID = ClusterID(hex: cluster)
        else { return nil }
        self.init(
            name: JSONText.plainString("name", in: json) ?? "",
            memberID: memberID,
            clusterID: clusterID
        )
    }

    package var json: String {
        "{\"name\":\(JSONText.string(name)),\"member_id\":\"\(memberID)\","
            + "\"cluster_id\":\"\(clusterID)\"}"
    }

    /// Names may change; ids may not.
    package func isOther(than identity: Identity) -> Bool {
        memberID != identity.memberID || clusterID != identity.clusterID
    }
}
