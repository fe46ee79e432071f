import EtcdClient
import EtcdProto
import FoundationEssentials
import GRPC
import Member
import NIOCore
import Server
import Testing

extension RunningMembers {
    /// Watches over gRPC.
    @Suite(.timeLimit(.minutes(2))) struct WatchServiceTests {
        private func with(
            _ arguments: [String] = [],
            _ body: (EtcdClient, WatchClient, TestCluster) async throws -> Void
        ) async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.start(0, extra: arguments)
                _ = try await cluster.leader()
                try await WatchClient.with(port: await cluster.clientPort(0)) { watcher in
                    try await body(await cluster.client(0), watcher, cluster)
                }
            }
        }

        @Test func `puts and deletions are told, with etcd's header`() async throws {
            try await with { client, watcher, _ in
                try await watcher.create("a") { $0.prevKv = true }
                let created = try await watcher.next()
                #expect(created.created && created.watchID == 0 && !created.canceled)
                let put = try await client.put(PutRequest("a", "1"))
                let first = try await watcher.next()
                #expect(created.header.revision == 1)
                #expect(first.header == put.header)
                #expect(first.events.map(\.text) == ["put a=1 @2"])
                #expect(first.events.first?.kv.version == 1)
                _ = try await client.put(PutRequest("a", "2"))
                #expect(try await watcher.next().events.map(\.text) == ["put a=2 @3 was 1"])
                var deletion = DeleteRangeRequest()
                deletion.key = Data("a".utf8)
                _ = try await client.deleteRange(deletion)
                #expect(try await watcher.next().events.map(\.text) == ["delete a= @4 was 2"])
                try await watcher.cancel(9)
                try await watcher.cancel(0)
                let canceled = try await watcher.next()
                #expect(canceled.canceled && !canceled.created && canceled.watchID == 0)
                #expect(canceled.header.revision == 4)
            }
        }

        @Test func `many watches share a stream, and history comes before the present`()
            async throws
        {
            try await with { client, watcher, _ in
                for number in 1...3 { _ = try await client.put(PutRequest("k", "\(number)")) }
                try await watcher.create("k") { $0.startRevision = 3 }
                #expect(try await watcher.next().created)
                let past = try await watcher.next()
                #expect(past.events.map(\.text) == ["put k=2 @3", "put k=3 @4"])
                #expect(past.header.revision == 4)
                try await watcher.create("j") {
                    $0.rangeEnd = Data("l".utf8); $0.watchID = 77
                }
                #expect(try await watcher.next().watchID == 77)
                _ = try await client.put(PutRequest("k", "4"))
                let both = [try await watcher.next(), try await watcher.next()]
                #expect(Set(both.map(\.watchID)) == [0, 77])
                #expect(both.allSatisfy { $0.events.map(\.text) == ["put k=4 @5"] })
                try await watcher.requestProgress()
                let progress = try await watcher.next()
                #expect(progress.watchID == -1 && progress.events.isEmpty)
                #expect(progress.header.revision == 5)
            }
        }

        @Test func `a compacted start is ended with the revision, without one in the header`()
            async throws
        {
            try await with { client, watcher, _ in
                for number in 1...3 { _ = try await client.put(PutRequest("k", "\(number)")) }
                var compaction = CompactionRequest()
                compaction.revision = 4
                _ = try await client.compact(compaction)
                try await watcher.create("k") { $0.startRevision = 3 }
                #expect(try await watcher.next().created)
                let end = try await watcher.next()
                #expect(end.canceled && end.compactRevision == 4 && end.watchID == 0)
                #expect(end.header.revision == 0 && end.header.memberID != 0)
                try await watcher.create("k") { $0.startRevision = -3 }
                let refused = try await watcher.next()
                #expect(refused.created && refused.canceled && refused.watchID == -1)
                #expect(
                    refused.cancelReason
                        == "etcdserver: mvcc: required revision has been compacted"
                )
            }
        }

        @Test func `one revision comes in fragments to those who want it`() async throws {
            try await with(["--max-request-bytes=300000"]) { client, watcher, _ in
                for number in 0..<12 {
                    let value = String(repeating: "x", count: 200_000)
                    _ = try await client.put(PutRequest("k\(number + 10)", value))
                }
                for fragment in [true, false] {
                    try await watcher.create("k") {
                        $0.rangeEnd = Data("l".utf8)
                        $0.prevKv = true
                        $0.fragment = fragment
                    }
                    #expect(try await watcher.next().created)
                }
                var deletion = DeleteRangeRequest()
                deletion.key = Data("k".utf8)
                deletion.rangeEnd = Data("l".utf8)
                _ = try await client.deleteRange(deletion)
                var parts: [WatchResponse] = []
                var whole: WatchResponse?
                while whole == nil || parts.last?.fragment != false {
                    let response = try await watcher.next()
                    if response.watchID == 0 { parts.append(response) } else { whole = response }
                }
                #expect(parts.map(\.events.count) == [4, 4, 4])
                #expect(parts.map(\.fragment) == [true, true, false])
                #expect(parts.flatMap(\.events) == whole?.events)
                #expect(whole?.fragment == false)
            }
        }

        @Test func `a client that stops reading costs little, and misses nothing`() async throws {
            try await with { client, watcher, cluster in
                try await watcher.create("k")
                #expect(try await watcher.next().created)
                // Far more than the windows of HTTP/2, the sockets and a stream's budget hold.
                let value = String(repeating: "x", count: 100_000)
                for _ in 0..<200 { _ = try await client.put(PutRequest("k", value)) }
                // Others are not held up meanwhile.
                try await WatchClient.with(port: await cluster.clientPort(0)) { other in
                    try await other.create("k") { $0.startRevision = 201 }
                    #expect(try await other.next().created)
                    #expect(try await other.next().events.map(\.kv.modRevision) == [201])
                }
                var expected: Int64 = 2
                while expected <= 201 {
                    for event in try await watcher.next().events {
                        #expect(event.kv.modRevision == expected)
                        expected += 1
                    }
                }
                _ = try await client.put(PutRequest("k", "last"))
                #expect(try await watcher.next().events.map(\.text) == ["put k=last @202"])
            }
        }

        @Test func `a client that has said all still listens`() async throws {
            try await with { client, watcher, _ in
                try await watcher.create("a")
                #expect(try await watcher.next().created)
                watcher.stream.finish()
                _ = try await client.put(PutRequest("a", "1"))
                #expect(try await watcher.next().events.map(\.text) == ["put a=1 @2"])
            }
        }

        @Test func `a member that stops ends its streams, so that clients look elsewhere`()
            async throws
        {
            try await with { client, watcher, cluster in
                try await watcher.create("a")
                #expect(try await watcher.next().created)
                async let status = watcher.end()
                await cluster.stop(0)
                #expect(await status == GRPCStatus(.unavailable, "etcdserver: server stopped"))
            }
        }

        @Test func `what is no request ends the stream`() async throws {
            try await with { _, watcher, _ in
                try await watcher.stream.send(ByteBuffer(bytes: [0xFF, 0xFF]))
                let status = await watcher.end()
                #expect(status.code == .internalError)
                #expect(status.message.hasPrefix("grpc: failed to unmarshal"))
            }
        }

        @Test(
            arguments: [
                "--watch-progress-notify-interval=100ms",
                "--experimental-watch-progress-notify-interval=1ms",
            ]
        )
        func `progress is reported now and then to those who asked`(flag: String) async throws {
            try await with([flag]) { client, watcher, _ in
                try await watcher.create("a")
                try await watcher.create("b") { $0.progressNotify = true }
                #expect(try await watcher.next().created)
                #expect(try await watcher.next().created)
                _ = try await client.put(PutRequest("c", "1"))
                for _ in 0..<3 {
                    let report = try await watcher.next()
                    #expect(report.watchID == 1 && report.events.isEmpty && !report.canceled)
                }
                #expect(try await watcher.next().header.revision == 2)
            }
        }

        @Test func `without a leader, watches that want one are refused and ended`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let last = (leader + 1) % 3
                let port = await cluster.clientPort(last)
                try await WatchClient.with(port: port, metadata: ["hasleader": "true"]) { wants in
                    try await WatchClient.with(port: port) { plain in
                        for watcher in [wants, plain] {
                            try await watcher.create("a")
                            #expect(try await watcher.next().created)
                        }
                        await cluster.kill(leader)
                        await cluster.kill((leader + 2) % 3)
                        let lost = GRPCStatus(.unavailable, "etcdserver: no leader")
                        #expect(await wants.end() == lost)
                        try await WatchClient.with(port: port, metadata: ["hasleader": "true"]) {
                            #expect(await $0.end() == lost)
                        }
                        try await plain.create("b")
                        #expect(try await plain.next().watchID == 1)
                    }
                }
            }
        }

        @Test func `every member tells the same`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                _ = try await cluster.leader()
                var watchers: [WatchClient] = []
                for index in 0..<3 {
                    let watcher = try await WatchClient(port: await cluster.clientPort(index))
                    try await watcher.create("k") { $0.rangeEnd = Data("l".utf8) }
                    #expect(try await watcher.next().created)
                    watchers.append(watcher)
                }
                for number in 0..<30 {
                    let client = await cluster.client(number % 3)
                    _ = try await client.put(PutRequest("k\(number)", "v"))
                }
                for watcher in watchers {
                    var keys: [String] = []
                    while keys.count < 30 {
                        for event in try await watcher.next().events {
                            keys.append(String(decoding: event.kv.key, as: UTF8.self))
                        }
                    }
                    #expect(keys == (0..<30).map { "k\($0)" })
                    await watcher.close()
                }
            }
        }
    }
}
