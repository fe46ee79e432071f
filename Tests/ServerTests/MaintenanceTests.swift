import Crypto
import EtcdClient
import EtcdProto
import Foundation
import GRPC
import Keyspace
import Member
import NIOCore
import NIOPosix
import Server
import Storage
import SwiftProtobuf
import TestKit
import Testing

extension RunningMembers {
    /// The Maintenance service of running members.
    @Suite(.timeLimit(.minutes(2))) struct MaintenanceTests {
        private func alarm(
            _ client: EtcdClient,
            _ action: AlarmRequest.AlarmAction,
            _ kind: AlarmType = .none,
            of member: UInt64 = 0
        ) async throws -> [AlarmMember] {
            var request = AlarmRequest()
            request.action = action
            request.alarm = kind
            request.memberID = member
            return try await client.alarm(request).alarms
        }

        private func error(
            _ body: () async throws -> Void
        ) async throws -> GRPCStatus? {
            do {
                try await body()
                return nil
            } catch let error as EtcdClientError {
                return error.status
            }
        }

        private let noSpace = GRPCStatus(
            .resourceExhausted,
            "etcdserver: mvcc: database space exceeded"
        )

        /// What etcd's own end-to-end test does, with a quota of as few pages.
        @Test func `a full member raises an alarm, and goes on after space is made`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                let quota: Int64 = 40 * 4_096
                try await cluster.start(0, extra: ["--quota-backend-bytes=\(quota)"])
                let client = await cluster.client(0)
                _ = try await client.put(PutRequest("1st", String(repeating: "a", count: 64)))
                let page = String(repeating: "b", count: 4_096)
                var refusal: GRPCStatus?
                var puts = 0
                while refusal == nil, puts < 300 {
                    refusal = try await error { _ = try await client.put(PutRequest("2nd", page)) }
                    puts += 1
                }
                #expect(refusal == noSpace)
                // What is written counts at once, not when the backend has taken it.
                #expect(puts <= 40)
                let status = try await client.status()
                let id = status.header.memberID
                #expect(status.errors == ["memberID:\(id) alarm:NOSPACE "])
                let raised = try await alarm(client, .get)
                #expect(raised.map(\.memberID) == [id])
                #expect(raised.map(\.alarm) == [.nospace])
                #expect(try await alarm(client, .get, .corrupt).isEmpty)
                // Even what would fit is refused, but deleting and compacting are not.
                let small = PutRequest("3rd", "x")
                #expect(try await error { _ = try await client.put(small) } == noSpace)
                var deletion = DeleteRangeRequest()
                deletion.key = Data("2nd".utf8)
                let deleted = try await client.deleteRange(deletion)
                #expect(deleted.deleted == 1)
                var compaction = CompactionRequest()
                compaction.revision = deleted.header.revision
                compaction.physical = true
                _ = try await client.compact(compaction)
                _ = try await client.defragment(timeout: .seconds(20))
                #expect(try await client.status().dbSize < quota / 2)
                let disarmed = try await alarm(client, .deactivate, .nospace, of: id)
                #expect(disarmed.map(\.memberID) == [id])
                #expect(try await client.status().errors.isEmpty)
                _ = try await client.put(PutRequest("4th", "x"))
            }
        }

        @Test func `a follower whose quota is smaller raises the alarm for itself`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.start(0)
                try await cluster.start(1)
                try await cluster.start(2, extra: ["--quota-backend-bytes=\(100 * 4_096)"])
                let leader = try await cluster.leader()
                let client = await cluster.client(leader == 2 ? 0 : leader)
                let text = String(repeating: "c", count: 20_000)
                let small = try await cluster.member(2).identity.memberID.rawValue
                var raised: [AlarmMember] = []
                for number in 0..<500 where raised.isEmpty {
                    _ = try await error { _ = try await client.put(PutRequest("k\(number)", text)) }
                    raised = try await alarm(client, .get)
                }
                #expect(raised.map(\.memberID) == [small])
                for index in 0..<3 {
                    let other = await cluster.client(index)
                    _ = try await other.range(RangeRequest("k"))
                    let put = PutRequest("x", "y")
                    #expect(try await error { _ = try await other.put(put) } == noSpace)
                }
                // It is of the cluster, and outlives the members' processes.
                await cluster.kill(0)
                try await cluster.start(0)
                _ = try await cluster.leader()
                let again = await cluster.client(0)
                #expect(try await alarm(again, .get).map(\.memberID) == [small])
                _ = try await alarm(again, .deactivate, .nospace, of: small)
                #expect(try await alarm(again, .get).isEmpty)
            }
        }

        @Test func `a corrupt cluster reads and writes nothing but local reads`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                _ = try await client.put(PutRequest("a", "1"))
                _ = try await alarm(client, .activate, .corrupt, of: 7)
                let corrupt = GRPCStatus(.dataLoss, "etcdserver: corrupt cluster")
                let put = PutRequest("a", "2")
                #expect(try await error { _ = try await client.put(put) } == corrupt)
                var compaction = CompactionRequest()
                compaction.revision = 2
                #expect(try await error { _ = try await client.compact(compaction) } == corrupt)
                #expect(try await client.range(RangeRequest("a")).values == ["1"])
                _ = try await alarm(client, .deactivate, .corrupt, of: 7)
                _ = try await client.put(put)
            }
        }

        // MARK: Snapshots

        private func take(
            _ port: Int,
            _ each: (SnapshotResponse) async throws -> Bool = { _ in true }
        ) async throws -> [SnapshotResponse] {
            let group = MultiThreadedEventLoopGroup.singleton
            let connection = try await GRPCConnection.connect(
                host: "127.0.0.1",
                port: port,
                group: group
            )
            let call = await connection.stream("/etcdserverpb.Maintenance/Snapshot")
            var answers: [SnapshotResponse] = []
            do {
                try await call.send(ByteBuffer())
                call.finish()
                for try await message in call.messages {
                    let answer = try SnapshotResponse(
                        serializedBytes: Array(message.readableBytesView)
                    )
                    answers.append(answer)
                    if try await !each(answer) {
                        call.cancel()
                        break
                    }
                }
            } catch {
                await connection.close()
                throw error
            }
            await connection.close()
            return answers
        }

        private func fill(_ client: EtcdClient, _ count: Int) async throws {
            let value = String(repeating: "s", count: 50_000)
            for number in 0..<count {
                _ = try await client.put(PutRequest("snap/\(number)", value))
            }
        }

        private func spooled(_ cluster: TestCluster) async -> [String] {
            fileNames(in: await cluster.dataDirectory(0) + "/member/snapshot")
        }

        @Test func `a snapshot comes in pieces, with its checksum, while writes go on`()
            async throws
        {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                try await fill(client, 60)
                let before = try await client.put(PutRequest("last", "before")).header.revision
                let port = await cluster.clientPort(0)
                var later = 0
                let answers = try await take(port) { _ in
                    later += 1
                    if later <= 20 { _ = try await client.put(PutRequest("later", "\(later)")) }
                    return true
                }
                var bytes: [UInt8] = []
                var hash = SHA256()
                for answer in answers.dropLast() {
                    bytes += answer.blob
                    hash.update(data: answer.blob)
                }
                #expect(bytes.count > 3_000_000 && bytes.count.isMultiple(of: 512))
                #expect(answers.last.map { Array($0.blob) } == Array(hash.finalize()))
                #expect(answers.dropLast(2).allSatisfy { $0.blob.count == 32 << 10 })
                var left = bytes.count
                for answer in answers.dropLast() {
                    left -= answer.blob.count
                    #expect(answer.remainingBytes == UInt64(left))
                }
                #expect(left == 0)
                #expect(answers.last?.remainingBytes == 0)
                try await eventually("the spool is empty") { await spooled(cluster).isEmpty }

                // It is what the member held when it was asked, or a little later.
                let disk = MemoryDisk()
                let file = try disk.open("/db", .create)
                try file.write(bytes, at: 0)
                let backend = MemoryBackend()
                let summary = try SnapshotFile.load(file, into: backend)
                #expect((before...before + 1).contains(summary.revision))
                let keyspace = try Keyspace(backend: backend)
                let wanted = try await client.hashKV(revision: summary.revision)
                #expect(try keyspace.hashKV(at: 0).hash == wanted.hash)
            }
        }

        @Test func `a snapshot that nobody wants any more leaves no file`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                try await fill(client, 100)
                let port = await cluster.clientPort(0)
                for _ in 0..<6 {
                    let some = try? await take(port) { _ in false }
                    #expect((some?.count ?? 0) <= 1)
                }
                try await eventually("the spool is empty") { await spooled(cluster).isEmpty }
                // All places for views are free again.
                _ = try await client.hashKV()
                #expect(try await take(port).count > 100)
            }
        }

        @Test func `many snapshots and checksums at once take turns`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                try await fill(client, 20)
                let port = await cluster.clientPort(0)
                let wanted = try await client.hashKV()
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<60 {
                        group.addTask {
                            guard number.isMultiple(of: 3) else {
                                let got = try await client.hashKV(timeout: .seconds(30))
                                return got.hash == wanted.hash
                            }
                            return try await self.take(port).count > 20
                        }
                    }
                    for try await isGood in group { #expect(isGood) }
                }
                try await eventually("the spool is empty") { await spooled(cluster).isEmpty }
            }
        }

        // MARK: Large reads, checksums, defragmentation

        @Test func `a large range is read as of one revision while others write`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                for part in 0..<60 {
                    var txn = TxnRequest()
                    txn.success = (0..<100).map { number in
                        var operation = RequestOp()
                        operation.requestPut = PutRequest("r/\(part)/\(number)", "0")
                        return operation
                    }
                    _ = try await client.txn(txn)
                }
                var range = RangeRequest("r/")
                range.rangeEnd = Data("r0".utf8)
                let all = range
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for round in 1...40 {
                            // Both ends of the range change at once.
                            var txn = TxnRequest()
                            txn.success = ["r/0/0", "r/9/99"].map { key in
                                var operation = RequestOp()
                                operation.requestPut = PutRequest(key, "\(round)")
                                return operation
                            }
                            let put = try await client.txn(txn)
                            var compaction = CompactionRequest()
                            compaction.revision = put.header.revision
                            _ = try await client.compact(compaction)
                        }
                    }
                    for serializable in [true, false] {
                        group.addTask {
                            for _ in 0..<10 {
                                var request = all
                                request.serializable = serializable
                                let answer = try await client.range(request)
                                #expect(answer.kvs.count == 6_000 && answer.count == 6_000)
                                #expect(answer.kvs.first?.value == answer.kvs.last?.value)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test func `a member defragments while it serves, and starts from the result`()
            async throws
        {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                try await fill(client, 200)
                var deletion = DeleteRangeRequest()
                deletion.key = Data("snap/".utf8)
                deletion.rangeEnd = Data("snap0".utf8)
                let deleted = try await client.deleteRange(deletion)
                var compaction = CompactionRequest()
                compaction.revision = deleted.header.revision
                compaction.physical = true
                _ = try await client.compact(compaction)
                let before = try await client.status()
                #expect(before.dbSizeInUse < before.dbSize / 5)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 {
                        group.addTask { _ = try await client.defragment(timeout: .seconds(30)) }
                    }
                    group.addTask {
                        for number in 0..<200 {
                            _ = try await client.put(PutRequest("during/\(number)", "x"))
                        }
                    }
                    try await group.waitForAll()
                }
                let after = try await client.status()
                #expect(after.dbSize < before.dbSize / 3)
                let hash = try await client.hashKV().hash
                let whole = try await client.hash()
                await cluster.kill(0)
                try await cluster.start(0)
                _ = try await cluster.leader()
                let again = await cluster.client(0)
                #expect(try await again.range(RangeRequest("during/199")).values == ["x"])
                #expect(try await again.hashKV().hash == hash)
                #expect(try await again.hash().hash == whole.hash)
                #expect(cluster.failures.all.isEmpty)
            }
        }
    }
}

extension EtcdClient {
    fileprivate func hash() async throws -> HashResponse {
        try await call("Maintenance/Hash", HashRequest())
    }
}
