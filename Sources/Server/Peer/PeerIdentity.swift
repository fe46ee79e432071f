package import EtcdProto
package import Member
package import NIOHTTP1

/// Who this member is to its peers: what its requests say in their headers, and what it demands of
/// theirs. Header names and words are etcd's rafthttp.
package struct PeerIdentity: Sendable {
    package let memberID: MemberID
    package let clusterID: ClusterID
    package let version: ServerVersion
    package let peerURLs: [String]

    package init(
        memberID: MemberID,
        clusterID: ClusterID,
        version: ServerVersion,
        peerURLs: [String]
    ) {
        self.memberID = memberID
        self.clusterID = clusterID
        self.version = version
        self.peerURLs = peerURLs
    }

    /// What every request to a peer carries; `to` only on streams.
    package func headers(to peer: MemberID? = nil) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "X-Server-From": memberID.description,
            "X-Server-Version": version.description,
            "X-Min-Cluster-Version": AnnouncedVersion.minimumCluster.description,
            "X-Etcd-Cluster-ID": clusterID.description,
            "X-PeerURLs": peerURLs.joined(separator: ","),
        ]
        if let peer { headers.add(name: "X-Raft-To", value: peer.description) }
        return headers
    }

    /// What every answer to a peer carries.
    package var answerHeaders: HTTPHeaders {
        [
            "X-Server-Version": version.description,
            "X-Etcd-Cluster-ID": clusterID.description,
        ]
    }

    /// Why a request cannot be of a peer of this cluster: the bodies that go with status 412. A
    /// missing version counts as 2.0.0.
    package func incompatibility(of headers: HTTPHeaders) -> String? {
        let old = ServerVersion(major: 2, minor: 0)
        let server = headers.first(name: "X-Server-Version").map { ServerVersion($0) ?? old } ?? old
        let minimum =
            headers.first(name: "X-Min-Cluster-Version").map { ServerVersion($0) ?? old } ?? old
        if server.withoutPatch < AnnouncedVersion.minimumCluster
            || version.withoutPatch < minimum.withoutPatch
        {
            return Self.incompatibleVersion
        }
        guard headers.first(name: "X-Etcd-Cluster-ID") == clusterID.description else {
            return Self.clusterMismatch
        }
        return nil
    }

    package static let incompatibleVersion = "incompatible version"
    package static let clusterMismatch = "cluster ID mismatch"
}
