import EtcdProto
import Member
import NIOHTTP1
import Server
import Testing

/// Who may read a stream: etcd's status codes, because the dialling member acts on them.
@Suite struct StreamHandshakeTests {
    private let identity = PeerIdentity(
        memberID: MemberID(rawValue: 0xa),
        clusterID: ClusterID(rawValue: 0xc),
        version: ServerVersion(major: 3, minor: 5, patch: 33),
        peerURLs: ["http://127.0.0.1:1"]
    )

    private func judge(
        _ uri: String,
        method: HTTPMethod = .GET,
        removing changes: [String] = [],
        _ replacements: [String: String] = [:]
    ) -> StreamHandshake.Verdict {
        let peer = PeerIdentity(
            memberID: MemberID(rawValue: 0xb),
            clusterID: identity.clusterID,
            version: identity.version,
            peerURLs: ["http://127.0.0.1:2", "http://127.0.0.1:3"]
        )
        var headers = peer.headers(to: identity.memberID)
        for name in changes { headers.remove(name: name) }
        for (name, value) in replacements { headers.replaceOrAdd(name: name, value: value) }
        return StreamHandshake.judge(
            HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers),
            identity: identity,
            isRemoved: { $0 == MemberID(rawValue: 0xd) },
            isMember: { $0 == MemberID(rawValue: 0xb) }
        )
    }

    @Test(arguments: StreamKind.allCases)
    func `a member gets its stream`(kind: StreamKind) {
        let verdict = judge("\(kind.path)/b")
        #expect(verdict == .open(kind, peer: MemberID(rawValue: 0xb)))
    }

    @Test func `a removed member is told so with 410`() {
        #expect(judge("/raft/stream/message/d") == .refuse(status: 410, body: "removed member"))
    }

    @Test func `a stranger of this cluster is remembered with its addresses`() {
        let urls = ["http://127.0.0.1:2", "http://127.0.0.1:3"]
        #expect(
            judge("/raft/stream/message/e") == .stranger(MemberID(rawValue: 0xe), urls: urls)
        )
    }

    @Test(arguments: ["/raft/stream/other/b", "/raft/stream/b", "/raft/stream/message/xyz"])
    func `other paths do not exist`(uri: String) {
        guard case .refuse(let status, _) = judge(uri) else {
            Issue.record("a stream at \(uri)")
            return
        }
        #expect(status == 404)
    }

    @Test func `only GET is allowed`() {
        let verdict = judge("/raft/stream/message/b", method: .POST)
        #expect(verdict == .refuse(status: 405, body: "Method Not Allowed"))
    }

    @Test func `another cluster gets 412 and etcd's words`() {
        let verdict = judge("/raft/stream/message/b", ["X-Etcd-Cluster-ID": "d"])
        #expect(verdict == .refuse(status: 412, body: "cluster ID mismatch"))
    }

    @Test(arguments: ["3.4.23", "2.3.8", "nonsense"])
    func `members before 3_5 are incompatible`(version: String) {
        let verdict = judge("/raft/stream/message/b", ["X-Server-Version": version])
        #expect(verdict == .refuse(status: 412, body: "incompatible version"))
    }

    @Test func `a missing version counts as the oldest`() {
        let verdict = judge("/raft/stream/message/b", removing: ["X-Server-Version"])
        #expect(verdict == .refuse(status: 412, body: "incompatible version"))
    }

    @Test func `a peer that needs a newer cluster is incompatible`() {
        let verdict = judge("/raft/stream/message/b", ["X-Min-Cluster-Version": "3.6.0"])
        #expect(verdict == .refuse(status: 412, body: "incompatible version"))
    }

    @Test func `a newer peer is welcome`() {
        let verdict = judge("/raft/stream/message/b", ["X-Server-Version": "3.6.14"])
        #expect(verdict == .open(.message, peer: MemberID(rawValue: 0xb)))
    }

    @Test func `a request meant for another member is refused`() {
        let verdict = judge("/raft/stream/message/b", ["X-Raft-To": "f"])
        #expect(verdict == .refuse(status: 412, body: "to field mismatch"))
    }
}
