import EtcdProto
import Member
import NIOHTTP1
import Raft
import Server
import Testing

extension RunningMembers {
    /// HTTP/1.1 on both ports of a running member.
    @Suite(.timeLimit(.minutes(2))) struct PortTests {
        private func peer(of member: MemberServer, from id: UInt64 = 0xb) -> PeerIdentity {
            PeerIdentity(
                memberID: MemberID(rawValue: id),
                clusterID: member.identity.clusterID,
                version: ServerVersion(major: 3, minor: 5, patch: 1),
                peerURLs: ["http://127.0.0.1:1"]
            )
        }

        @Test func `health tells whether the member is well`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                _ = try await cluster.leader()
                let port = await cluster.clientPort(0)
                for uri in ["/health", "/health?serializable=true", "/health?exclude=NOSPACE"] {
                    let answer = try await PlainHTTP.get(uri, port: port)
                    #expect(answer.status == 200)
                    #expect(answer.body == #"{"health":"true","reason":""}"#)
                }
                #expect(try await PlainHTTP.get("/livez", port: port).body == "ok\n")
                let ready = try await PlainHTTP.get("/readyz?verbose", port: port)
                #expect(ready.body.contains("[+]linearizable_read ok"))
                #expect(try await PlainHTTP.get("/nothing", port: port).status == 404)
                #expect(try await PlainHTTP.get("/health", port: port, method: .POST).status == 405)
            }
        }

        @Test func `a member without a quorum says that it has no leader`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.start(0)
                let port = await cluster.clientPort(0)
                let answer = try await PlainHTTP.get("/health", port: port)
                #expect(answer.status == 503)
                #expect(answer.body == #"{"health":"false","reason":"RAFT NO LEADER"}"# + "\n")
                let local = try await PlainHTTP.get("/health?serializable=true", port: port)
                #expect(local.status == 200)
            }
        }

        @Test func `the peer port takes no large body that it has no use for`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let port = await cluster.peerPort(0)
                let large = [UInt8](repeating: 0, count: 1 << 20)
                let nonsense = try await PlainHTTP.get("/nonsense", port: port, body: large)
                #expect(nonsense.status == 413)
                let stranger = try await PlainHTTP.get(
                    "/raft",
                    port: port,
                    method: .POST,
                    headers: ["X-Etcd-Cluster-ID": "1", "X-Server-Version": "3.5.1"],
                    body: large
                )
                #expect(stranger.status == 412)
            }
        }

        @Test func `the peer port says who is in the cluster`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                _ = try await cluster.leader()
                let member = try await cluster.member(0)
                let port = await cluster.peerPort(0)
                let answer = try await PlainHTTP.get("/members", port: port)
                #expect(
                    answer.headers.first(name: "X-Etcd-Cluster-ID")
                        == member.identity.clusterID.description
                )
                let members = try MemberInfo.list(json: Array(answer.body.utf8))
                #expect(members.map(\.id) == [member.identity.memberID])
                let probe = try await PlainHTTP.get("/raft/probing", port: port)
                #expect(probe.body.hasPrefix(#"{"OK":true,"Now":"2"#))
                #expect(try await PlainHTTP.get("/version", port: port).status == 200)
            }
        }

        @Test func `messages by post are taken or refused as etcd does`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let member = try await cluster.member(0)
                let port = await cluster.peerPort(0)
                let sender = peer(of: member)
                let message = Message(
                    kind: .heartbeatResponse,
                    to: NodeID(rawValue: member.identity.memberID.rawValue),
                    from: NodeID(rawValue: 0xb),
                    term: Term(rawValue: 1)
                )
                func post(_ headers: HTTPHeaders, _ body: [UInt8]) async throws -> PlainHTTP.Answer
                {
                    try await PlainHTTP.get(
                        "/raft",
                        port: port,
                        method: .POST,
                        headers: headers,
                        body: body
                    )
                }
                #expect(try await post(sender.headers(), message.encoded()).status == 204)
                #expect(try await post(sender.headers(), [255, 255]).status == 400)
                var foreign = sender.headers()
                foreign.replaceOrAdd(name: "X-Etcd-Cluster-ID", value: "1")
                let refused = try await post(foreign, message.encoded())
                #expect(refused.status == 412)
                #expect(refused.body == "cluster ID mismatch\n")
                #expect(try await PlainHTTP.get("/raft", port: port).status == 405)
                let snapshot = try await PlainHTTP.get(
                    "/raft/snapshot",
                    port: port,
                    method: .POST,
                    headers: sender.headers()
                )
                #expect(snapshot.status == 400)
                #expect(snapshot.body == "the body ends before the snapshot\n")
            }
        }

        @Test func `members get streams and strangers do not`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.start(0)
                try await cluster.start(1)
                _ = try await cluster.leader()
                let member = try await cluster.member(0)
                let port = await cluster.peerPort(0)
                let known = try await cluster.member(1).identity.memberID
                let headers = peer(of: member, from: known.rawValue).headers(
                    to: member.identity.memberID
                )
                let open = try await PlainHTTP.get(
                    "/raft/stream/msgapp/\(known)",
                    port: port,
                    headers: headers
                )
                #expect(open.status == 200)
                #expect(open.headers.first(name: "X-Server-Version")?.hasPrefix("3.5.") == true)
                let stranger = try await PlainHTTP.get(
                    "/raft/stream/message/e",
                    port: port,
                    headers: headers
                )
                #expect(stranger.status == 404)
                #expect(stranger.body == "error sender not found\n")
            }
        }
    }
}
