import EtcdClient
import EtcdProto
import Foundation
import GRPC
import Keyspace
import Member
import NIOCore
import NIOHTTP1
import Server
import TestKit
import Testing

extension RunningMembers {
    /// What members ask each other, and what follows from the answers.
    @Suite(.timeLimit(.minutes(2))) struct PeerQuestionTests {
        private func status(_ body: () async throws -> Void) async throws -> GRPCStatus? {
            do {
                try await body()
                return nil
            } catch let error as EtcdClientError {
                return error.status
            }
        }

        @Test func `a peer is told the checksum of a revision`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                for number in 0..<5 { _ = try await client.put(PutRequest("k", "\(number)")) }
                let port = await cluster.peerPort(0)
                let id = try await cluster.member(0).identity
                let wanted = try await client.hashKV(revision: 4)
                let answer = try await PlainHTTP.get(
                    "/members/hashkv",
                    port: port,
                    headers: ["X-Etcd-Cluster-ID": "\(id.clusterID)"],
                    body: Array("{\"revision\":4}".utf8)
                )
                #expect(answer.status == 200)
                let hash = try PeerHash(json: Array(answer.body.utf8))
                #expect(hash.hash.hash == wanted.hash)
                #expect(hash.hash.hashedRevision == 4)
                #expect(hash.memberID == id.memberID)
                #expect(hash.revision == 6)
                let others: [(HTTPMethod, HTTPHeaders, String, Int, String)] = [
                    (.POST, [:], "{}", 405, "Method Not Allowed\n"),
                    (.GET, ["X-Etcd-Cluster-ID": "1"], "{}", 412, "cluster ID mismatch\n"),
                    (.GET, [:], "x", 400, "error unmarshalling request\n"),
                    (
                        .GET, [:], "{\"revision\":99}", 400,
                        "mvcc: required revision is a future revision\n"
                    ),
                ]
                for (method, headers, body, code, text) in others {
                    let answer = try await PlainHTTP.get(
                        "/members/hashkv",
                        port: port,
                        method: method,
                        headers: headers,
                        body: Array(body.utf8)
                    )
                    #expect(answer.status == code)
                    #expect(answer.body == text)
                }
            }
        }

        @Test func `a follower passes a promotion on to the leader`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                for index in 0..<3 {
                    try await cluster.start(index, extra: ["--strict-reconfig-check=false"])
                }
                let leader = try await cluster.leader()
                let follower = await cluster.client((leader + 1) % 3)
                let voter = try await cluster.member(leader).identity.memberID
                let notLearner = EtcdError.memberNotLearner
                var got = try await status { _ = try await follower.memberPromote(voter) }
                #expect(got == GRPCStatus(.failedPrecondition, notLearner.message))
                let nobody = MemberID(rawValue: 77)
                got = try await status { _ = try await follower.memberPromote(nobody) }
                #expect(got == GRPCStatus(.notFound, EtcdError.memberNotFound.message))
                let url = "http://127.0.0.1:1"
                let added = try await follower.memberAddLearner(peerURLs: [url])
                let learner = MemberID(rawValue: added.member.id)
                got = try await status { _ = try await follower.memberPromote(learner) }
                #expect(got == GRPCStatus(.failedPrecondition, EtcdError.learnerNotReady.message))
                // As the leader says it to a peer.
                let port = await cluster.peerPort(leader)
                for (path, code, text) in [
                    ("x", 404, "member x not found in cluster\n"),
                    ("77", 404, "membership: ID not found\n"),
                    ("\(voter.rawValue)", 412, "membership: can only promote a learner member\n"),
                    ("\(learner.rawValue)", 412, EtcdError.learnerNotReady.message + "\n"),
                ] {
                    let answer = try await PlainHTTP.get(
                        "/members/promote/\(path)",
                        port: port,
                        method: .POST
                    )
                    #expect(answer.status == code)
                    #expect(answer.body == text)
                }
            }
        }

        @Test func `a downgrade is checked, enabled, known to all, and cancelled`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                for index in 0..<3 {
                    try await cluster.start(index, extra: ["--compatibility=3.6"])
                }
                let leader = try await cluster.leader()
                let client = await cluster.client((leader + 1) % 3)
                func downgrade(
                    _ action: DowngradeRequest.DowngradeAction,
                    _ version: String = ""
                ) async throws -> String {
                    var request = DowngradeRequest()
                    request.action = action
                    request.version = version
                    let answer: DowngradeResponse
                    do {
                        answer = try await client.call("Maintenance/Downgrade", request)
                    } catch {
                        return error.status.message
                    }
                    return answer.version
                }
                try await eventually("the cluster's version is decided") {
                    try await downgrade(.validate, "3.5") == "3.6"
                }
                let wrong = EtcdError.invalidDowngradeTargetVersion.message
                #expect(try await downgrade(.validate, "3.4") == wrong)
                #expect(try await downgrade(.validate, "3.6.0") == wrong)
                let format = EtcdError.wrongDowngradeVersionFormat.message
                #expect(try await downgrade(.validate, "three") == format)
                #expect(try await downgrade(.cancel) == EtcdError.noInflightDowngrade.message)
                #expect(try await downgrade(.enable, "3.5.0") == "3.6")
                let port = await cluster.peerPort(leader)
                let enabled = try await PlainHTTP.get("/downgrade/enabled", port: port)
                #expect(enabled.status == 200 && enabled.body == "true")
                let info = try await client.status().downgradeInfo
                #expect(info.enabled && info.targetVersion == "3.5.0")
                // The leader lowers the cluster's version, so that members of 3.5 may join.
                try await eventually("the cluster's version is lowered") {
                    let document = try await PlainHTTP.get("/version", port: port)
                    return document.body.contains("\"etcdcluster\":\"3.5.0\"")
                }
                #expect(try await downgrade(.enable, "3.4") == EtcdError.downgradeInProcess.message)
                #expect(try await downgrade(.cancel) == "3.5")
                let disabled = try await PlainHTTP.get("/downgrade/enabled", port: port)
                #expect(disabled.body == "false")
                try await eventually("the cluster's version is raised again") {
                    let document = try await PlainHTTP.get("/version", port: port)
                    return document.body.contains("\"etcdcluster\":\"3.6.0\"")
                }
            }
        }

        // MARK: Corruption

        /// Takes one version of a key out of a stopped member's store.
        private func corrupt(_ cluster: TestCluster, _ index: Int) async throws {
            let store = await cluster.dataDirectory(index) + "/member/store"
            let backend = try LMDBBackend(directory: store, mapSize: 1 << 30)
            var batch = WriteBatch(number: 1)
            batch.deletions = [RecordKey(Revision(main: 3))]
            try backend.commit(batch)
            backend.close()
        }

        private func startThree(_ cluster: TestCluster, extra: [String] = []) async throws {
            for index in 0..<3 { try await cluster.start(index, extra: extra) }
            let client = await cluster.client(try await cluster.leader())
            for key in ["a", "b", "c"] { _ = try await client.put(PutRequest(key, "v")) }
            for index in 0..<3 {
                _ = try await cluster.client(index).range(RangeRequest("c"))
            }
        }

        @Test func `a member whose data differ does not start when it is told to look`()
            async throws
        {
            try await TestCluster.with(size: 3) { cluster in
                try await startThree(cluster)
                let check = ["--experimental-initial-corrupt-check=true"]
                await cluster.stop(2)
                try await cluster.start(2, extra: check)
                _ = try await cluster.leader()
                await cluster.stop(2)
                try await corrupt(cluster, 2)
                let error = await #expect(throws: Fatal.self) {
                    try await cluster.start(2, extra: check)
                }
                #expect(error?.code == .corruption)
                #expect(error?.what.contains("the data differ") == true)
                // Nothing of it is left open.
                try await cluster.start(2)
            }
        }

        @Test func `a leader that looks by the way raises the alarm of the one that differs`()
            async throws
        {
            try await TestCluster.with(size: 3) { cluster in
                let look = ["--experimental-corrupt-check-time=200ms"]
                try await startThree(cluster, extra: look)
                let bad = (try await cluster.leader() + 1) % 3
                let id = try await cluster.member(bad).identity.memberID.rawValue
                let client = await cluster.client(try await cluster.leader())
                #expect(try await client.alarm(AlarmRequest()).alarms.isEmpty)
                await cluster.stop(bad)
                try await corrupt(cluster, bad)
                try await cluster.start(bad, extra: look)
                try await eventually("the alarm is raised") {
                    let alarms = try await client.alarm(AlarmRequest()).alarms
                    return alarms.map(\.memberID) == [id] && alarms.map(\.alarm) == [.corrupt]
                }
                let put = try await status { _ = try await client.put(PutRequest("a", "w")) }
                #expect(put == GRPCStatus(.dataLoss, "etcdserver: corrupt cluster"))
            }
        }

        @Test func `what members had at a compaction is compared`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                let look = [
                    "--experimental-compact-hash-check-enabled=true",
                    "--experimental-compact-hash-check-time=100ms",
                ]
                try await startThree(cluster, extra: look)
                let bad = (try await cluster.leader() + 1) % 3
                let id = try await cluster.member(bad).identity.memberID.rawValue
                let client = await cluster.client(try await cluster.leader())
                await cluster.stop(bad)
                try await corrupt(cluster, bad)
                try await cluster.start(bad, extra: look)
                var compaction = CompactionRequest()
                compaction.revision = 4
                compaction.physical = true
                let before = try await client.hashKV(revision: 4)
                _ = try await client.compact(compaction)
                // The sum of the compaction is kept, and is of the time before it.
                let kept = try await client.hashKV(revision: 4)
                #expect(kept.hash == before.hash && kept.compactRevision == -1)
                try await eventually("the alarm is raised") {
                    let alarms = try await client.alarm(AlarmRequest()).alarms
                    return alarms.map(\.memberID) == [id] && alarms.map(\.alarm) == [.corrupt]
                }
            }
        }

        // MARK: Compaction

        @Test func `history goes by itself`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.start(
                    0,
                    extra: [
                        "--auto-compaction-mode=periodic", "--auto-compaction-retention=500ms",
                        "--compaction-batch-limit=2",
                    ]
                )
                let client = await cluster.client(0)
                for number in 0..<20 { _ = try await client.put(PutRequest("k", "\(number)")) }
                var old = RangeRequest("k")
                old.revision = 5
                let request = old
                try await eventually("revision 5 is compacted") {
                    _ = try await client.put(PutRequest("k", "more"))
                    let error = try await status { _ = try await client.range(request) }
                    return error?.message == EtcdError.compacted.message
                }
            }
        }
    }
}
