import EtcdClient
import EtcdProto
import FoundationEssentials
import GRPC
import NIOCore
import NIOHTTP1
import NIOPosix
import Server
import SwiftProtobuf
import Testing

extension RunningMembers {
    /// Leases as clients and peers see them.
    @Suite(.timeLimit(.minutes(3))) struct LeaseTests {
        /// A stream of renewals on one member.
        private struct Renewals {
            let connection: GRPCConnection
            let stream: ClientStream
            var answers: ClientStream.Messages

            init(_ cluster: TestCluster, _ index: Int, _ metadata: Metadata = [:]) async throws {
                connection = try await GRPCConnection.connect(
                    host: "127.0.0.1",
                    port: cluster.clientPort(index),
                    group: MultiThreadedEventLoopGroup.singleton
                )
                stream = await connection.stream(
                    "/etcdserverpb.Lease/LeaseKeepAlive",
                    metadata: metadata
                )
                answers = stream.messages
            }

            func ask(_ id: Int64) async throws {
                var request = LeaseKeepAliveRequest()
                request.id = id
                let bytes: [UInt8] = try request.serializedBytes()
                try await stream.send(ByteBuffer(bytes: bytes))
            }

            mutating func answer() async throws -> LeaseKeepAliveResponse {
                let message = try #require(try await answers.next())
                return try LeaseKeepAliveResponse(serializedBytes: Array(message.readableBytesView))
            }

            /// The connection waits for its streams.
            func end() async {
                stream.cancel()
                await connection.close()
            }

            mutating func renew(_ id: Int64) async throws -> LeaseKeepAliveResponse {
                try await ask(id)
                return try await answer()
            }
        }

        private func status(
            _ body: () async throws -> Void
        ) async -> GRPCStatus? {
            do {
                try await body()
                return nil
            } catch let error as EtcdClientError {
                return error.status
            } catch {
                return error as? GRPCStatus
            }
        }

        private func put(_ key: String, lease: Int64) -> PutRequest {
            var request = PutRequest(key, "v")
            request.lease = lease
            return request
        }

        @Test func `grant, time to live, list and revoke through every member`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                _ = try await cluster.leader()
                for index in 0..<3 {
                    let client = await cluster.client(index)
                    let grant = try await client.leaseGrant(ttl: 60)
                    #expect(grant.id > 0)
                    #expect(grant.ttl == 60)
                    #expect(grant.header.clusterID != 0 && grant.header.raftTerm > 0)
                    _ = try await client.put(put("b", lease: grant.id))
                    let write = try await client.put(put("a", lease: grant.id))
                    let info = try await client.leaseTimeToLive(grant.id, keys: true)
                    #expect(info.id == grant.id)
                    #expect(info.grantedTtl == 60)
                    #expect((55...59).contains(info.ttl))
                    #expect(info.keys == [Data("a".utf8), Data("b".utf8)])
                    #expect(info.header.memberID != 0)
                    #expect(info.header.revision >= write.header.revision)
                    #expect(try await client.leaseTimeToLive(grant.id).keys == [])
                    #expect(try await client.leaseLeases().leases.map(\.id) == [grant.id])
                    let revocation = try await client.leaseRevoke(grant.id)
                    #expect(revocation.header.revision == write.header.revision + 1)
                    #expect(try await client.range(RangeRequest("a")).count == 0)
                    let gone = try await client.leaseTimeToLive(grant.id)
                    #expect(gone.ttl == -1 && gone.id == grant.id && gone.grantedTtl == 0)
                }
            }
        }

        @Test func `errors have etcd's codes and words`() async throws {
            try await TestCluster.with(size: 1) { cluster in
                try await cluster.startAll()
                let client = await cluster.client(0)
                _ = try await client.leaseGrant(id: 5, ttl: 60)
                let twice = await status { _ = try await client.leaseGrant(id: 5, ttl: 60) }
                #expect(twice?.code == .failedPrecondition)
                #expect(twice?.message == "etcdserver: lease already exists")
                let long = await status { _ = try await client.leaseGrant(ttl: 9_000_000_001) }
                #expect(long?.code == .outOfRange)
                #expect(long?.message == "etcdserver: too large lease TTL")
                let unknown = await status { _ = try await client.leaseRevoke(6) }
                #expect(unknown?.code == .notFound)
                #expect(unknown?.message == "etcdserver: requested lease not found")
                let put = await status { _ = try await client.put(self.put("k", lease: 6)) }
                #expect(put == unknown)
            }
        }

        @Test func `a lease lives while it is renewed, through any member, and then ends`()
            async throws
        {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let client = await cluster.client(leader)
                let grant = try await client.leaseGrant(ttl: 1)
                _ = try await client.put(put("k", lease: grant.id))
                let start = NIODeadline.now()
                for index in 0..<3 {
                    var renewals = try await Renewals(cluster, index, ["hasleader": "true"])
                    while NIODeadline.now() < start + TimeAmount.milliseconds(1_200)
                        * (Int64(index) + 1)
                    {
                        let answer = try await renewals.renew(grant.id)
                        #expect(answer.id == grant.id && answer.ttl == 1)
                        #expect(answer.header.revision == 2 && answer.header.memberID != 0)
                        try await Task.sleep(for: .milliseconds(200))
                    }
                    #expect(try await renewals.renew(12_345).ttl == 0)
                    renewals.stream.finish()
                    let end = try await renewals.answers.next()
                    #expect(end == nil)
                    await renewals.end()
                }
                #expect(try await client.range(RangeRequest("k")).count == 1)
                // A renewal of a lease whose time is over waits for its end.
                var renewals = try await Renewals(cluster, (leader + 1) % 3)
                var answer = try await renewals.renew(grant.id)
                let renewedAt = NIODeadline.now()
                try await Task.sleep(for: .milliseconds(1_100))
                answer = try await renewals.renew(grant.id)
                #expect(answer.ttl == 0)
                #expect(NIODeadline.now() - renewedAt >= .seconds(1))
                #expect(try await client.range(RangeRequest("k")).count == 0)
                await renewals.end()
            }
        }

        @Test func `many renewals on one stream are answered in order`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                for index in [leader, (leader + 1) % 3] {
                    let client = await cluster.client(index)
                    let ids = try await client.leaseLeases().leases.map(\.id)
                    #expect(ids.isEmpty)
                    for id in 1...20 as ClosedRange<Int64> {
                        _ = try await client.leaseGrant(id: id, ttl: 60)
                    }
                    var renewals = try await Renewals(cluster, index)
                    for id in 1...25 as ClosedRange<Int64> { try await renewals.ask(id) }
                    for id in 1...25 as ClosedRange<Int64> {
                        let answer = try await renewals.answer()
                        #expect(answer.id == id && answer.ttl == (id <= 20 ? 60 : 0))
                    }
                    await renewals.end()
                    for id in 1...20 as ClosedRange<Int64> { _ = try await client.leaseRevoke(id) }
                }
            }
        }

        @Test func `leases outlive the leader, and clients of followers find the next`()
            async throws
        {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let other = (leader + 1) % 3
                let client = await cluster.client(other)
                let grant = try await client.leaseGrant(ttl: 2)
                _ = try await client.put(put("k", lease: grant.id))
                var renewals = try await Renewals(cluster, other)
                #expect(try await renewals.renew(grant.id).ttl == 2)
                await cluster.kill(leader)
                // Asked while nobody leads, it is answered once somebody does.
                #expect(try await renewals.renew(grant.id).ttl == 2)
                #expect(try await client.leaseTimeToLive(grant.id, keys: true).keys.count == 1)
                await renewals.end()
            }
        }

        @Test
        func `without a leader a renewal that asks for one is refused, and ended if it is open`()
            async throws
        {
            try await TestCluster.with(size: 2) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let other = 1 - leader
                var open = try await Renewals(cluster, other, ["hasleader": "true"])
                #expect(try await open.renew(1).ttl == 0)
                await cluster.kill(leader)
                let ended = await status { _ = try await open.answers.next() }
                #expect(ended?.message == "etcdserver: no leader")
                #expect(ended?.code == .unavailable)
                var late = try await Renewals(cluster, other, ["hasleader": "true"])
                let refused = await status { _ = try await late.answers.next() }
                #expect(refused?.message == "etcdserver: no leader")
                await open.end()
                await late.end()
            }
        }

        @Test func `the peer port answers about leases as etcd's does`() async throws {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let grant = try await cluster.client(leader).leaseGrant(ttl: 60)
                func ask(_ path: String, _ message: some Message, _ index: Int) async throws
                    -> PlainHTTP.Answer
                {
                    try await PlainHTTP.get(
                        path,
                        port: cluster.peerPort(index),
                        method: .POST,
                        body: try message.serializedBytes()
                    )
                }
                var renewal = LeaseKeepAliveRequest()
                renewal.id = grant.id
                let renewed = try await ask("/leases", renewal, leader)
                #expect(renewed.status == 200)
                #expect(renewed.headers.first(name: "content-type") == "application/protobuf")
                let elsewhere = try await ask("/leases", renewal, (leader + 1) % 3)
                #expect(elsewhere.status == 400)
                #expect(elsewhere.body == "not a primary lessor\n")
                renewal.id = 99
                let unknown = try await ask("/leases", renewal, leader)
                #expect(unknown.status == 404 && unknown.body == "lease not found\n")

                var inquiry = LeasepbLeaseInternalRequest()
                let empty = try await ask("/leases/internal", inquiry, leader)
                #expect(empty.status == 400)
                inquiry.leaseTimeToLiveRequest.id = 99
                #expect(try await ask("/leases/internal", inquiry, leader).status == 404)
                inquiry.leaseTimeToLiveRequest.id = grant.id
                #expect(try await ask("/leases/internal", inquiry, leader).status == 200)
                #expect(try await ask("/leases/internal", inquiry, (leader + 1) % 3).status == 500)

                let port = await cluster.peerPort(leader)
                let read = try await PlainHTTP.get("/leases", port: port)
                #expect(read.status == 405 && read.body == "Method Not Allowed\n")
                let garbage = try await PlainHTTP.get(
                    "/leases",
                    port: port,
                    method: .POST,
                    body: [0xFF, 0xFF]
                )
                #expect(garbage.status == 400)
                #expect(garbage.body == "error unmarshalling request\n")
            }
        }
    }
}
