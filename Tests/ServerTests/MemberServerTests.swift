import EtcdClient
import EtcdProto
import FoundationEssentials
import GRPC
import NIOCore
import Server
import Testing

extension RunningMembers {
    /// Members as their clients see them.
    @Suite(.timeLimit(.minutes(2))) struct MemberServerTests {
        @Test func `one member stores, reads, deletes and compacts`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                let put = try await client.put(PutRequest("hello", "world"))
                #expect(put.header.revision == 2)
                #expect(put.header.raftTerm > 0)
                #expect(put.header.clusterID != 0)
                let range = try await client.range(RangeRequest("hello"))
                #expect(range.values == ["world"])
                #expect(range.header.revision == 2)
                var deletion = DeleteRangeRequest()
                deletion.key = Data("hello".utf8)
                deletion.prevKv = true
                let deleted = try await client.deleteRange(deletion)
                #expect(deleted.deleted == 1)
                #expect(deleted.prevKvs.count == 1)
                var compaction = CompactionRequest()
                compaction.revision = 3
                _ = try await client.compact(compaction)
                var old = RangeRequest("hello")
                old.revision = 2
                let error = await #expect(throws: EtcdClientError.self) {
                    _ = try await client.range(old)
                }
                #expect(error?.status.code == .outOfRange)
                #expect(
                    error?.status.message
                        == "etcdserver: mvcc: required revision has been compacted"
                )
            }
        }

        @Test func `a leader that is told to stop hands its office over`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let before = try await cluster.member(leader).leadership()
                await cluster.stop(leader)
                // The others have had their new leader since before the old one was gone.
                let other = try await cluster.member((leader + 1) % 3).leadership()
                #expect(other.leader.rawValue != 0 && other.leader != before.leader)
                #expect(other.term == before.term + 1)
            }
        }

        @Test func `leadership given to the member that has it is given at once`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let id = try await cluster.member(leader).identity.memberID
                let client = await cluster.client(leader)
                _ = try await client.moveLeader(to: id)
            }
        }

        @Test func `a transaction compares and chooses`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                var compare = Compare()
                compare.key = Data("k".utf8)
                compare.target = .version
                compare.result = .equal
                compare.version = 0
                var put = RequestOp()
                put.requestPut = PutRequest("k", "1")
                var get = RequestOp()
                get.requestRange = RangeRequest("k")
                var txn = TxnRequest()
                txn.compare = [compare]
                txn.success = [put]
                txn.failure = [get]
                #expect(try await client.txn(txn).succeeded)
                let second = try await client.txn(txn)
                #expect(!second.succeeded)
                #expect(second.responses.first?.responseRange.values == ["1"])
                txn.success = []
                let readOnly = try await client.txn(txn)
                #expect(readOnly.header.revision == 2)
            }
        }

        @Test(
            arguments: [
                (PutRequest("", "x"), "etcdserver: key is not provided"),
                (
                    PutRequest("k", String(repeating: "v", count: 1_600_000)),
                    "etcdserver: request is too large"
                ),
            ]
        )
        func `bad requests get etcd's words`(request: PutRequest, text: String) async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                let error = await #expect(throws: EtcdClientError.self) {
                    _ = try await client.put(request)
                }
                #expect(error?.status == GRPCStatus(.invalidArgument, text))
            }
        }

        @Test func `status and member list tell who is who`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                _ = try await client.put(PutRequest("a", "b"))
                let status = try await client.status()
                #expect(status.leader == status.header.memberID)
                #expect(status.version.hasPrefix("3.5."))
                #expect(status.raftAppliedIndex >= 3)
                #expect(status.dbSize > 0)
                #expect(status.errors.isEmpty)
                let members = try await client.memberList().members
                #expect(members.map(\.name) == ["m0"])
                #expect(members.first?.id == status.header.memberID)
                let port = await cluster.clientPort(0)
                #expect(members.first?.clientUrls == ["http://127.0.0.1:\(port)"])
            }
        }

        @Test func `what was acknowledged is there after a crash`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                for number in 0..<50 {
                    _ = try await client.put(PutRequest("k\(number)", "v\(number)"))
                }
                let before = try await client.hashKV()
                // An older revision's checksum comes with the header of the current one.
                let older = try await client.hashKV(revision: 5)
                #expect(older.header.revision == before.header.revision)
                await cluster.kill(0)
                // The flags about the initial cluster do not count any more.
                try await cluster.start(0, extra: ["--initial-cluster-token=other"])
                let again = await cluster.client(0)
                _ = try await cluster.leader()
                #expect(try await again.range(RangeRequest("k49")).values == ["v49"])
                #expect(try await again.hashKV().hash == before.hash)
            }
        }

        @Test func `three members go on when one dies and it catches up`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let first = try await cluster.leader()
                let survivor = (first + 1) % 3
                _ = try await cluster.client(first).put(PutRequest("a", "1"))
                await cluster.kill(first)
                let second = try await cluster.leader()
                #expect(second != first)
                _ = try await cluster.client(survivor).put(PutRequest("a", "2"))
                try await cluster.start(first)
                _ = try await cluster.leader()
                // A linearizable read at the restarted member waits until it has caught up.
                #expect(try await cluster.client(first).range(RangeRequest("a")).values == ["2"])
                var hashes: Set<UInt32> = []
                for index in 0..<3 {
                    _ = try await cluster.client(index).range(RangeRequest("a"))
                    hashes.insert(try await cluster.client(index).hashKV().hash)
                }
                #expect(hashes.count == 1)
                #expect(cluster.failures.all.isEmpty)
            }
        }

        @Test func `without a quorum writes fail and local reads go on`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                _ = try await cluster.client(leader).put(PutRequest("a", "1"))
                let rest = (leader + 1) % 3
                _ = try await cluster.client(rest).range(RangeRequest("a"))
                await cluster.kill(leader)
                await cluster.kill((leader + 2) % 3)
                let client = await cluster.client(rest)
                let local = try await client.range(RangeRequest("a", serializable: true))
                #expect(local.values == ["1"])
                await #expect(throws: EtcdClientError.self) {
                    _ = try await client.put(PutRequest("a", "2"), timeout: .seconds(1))
                }
            }
        }

        @Test func `leadership can be moved`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let target = (leader + 1) % 3
                let id = try await cluster.member(target).identity.memberID
                _ = try await cluster.client(leader).moveLeader(to: id)
                #expect(try await cluster.leader() == target)
            }
        }

        @Test func `the members agree on the cluster's version`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.start(0)
                try await cluster.start(1, extra: ["--compatibility=3.6"])
                try await cluster.start(2)
                _ = try await cluster.leader()
                let port = await cluster.clientPort(0)
                var body = ""
                for _ in 0..<100 where !body.contains("3.5.0") {
                    body = try await PlainHTTP.get("/version", port: port).body
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(body.hasPrefix(#"{"etcdserver":"3.5."#))
                #expect(body.hasSuffix(#""etcdcluster":"3.5.0"}"#))
            }
        }

        @Test func `what is not built is Unimplemented`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                let error = await #expect(throws: EtcdClientError.self) {
                    let _: AuthEnableResponse = try await client.call(
                        "Auth/AuthEnable",
                        AuthEnableRequest()
                    )
                }
                #expect(
                    error?.status
                        == GRPCStatus(.unimplemented, "unknown service etcdserverpb.Auth")
                )
            }
        }
    }
}
