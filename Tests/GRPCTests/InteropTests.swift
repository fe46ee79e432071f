import EtcdClient
import EtcdProto
import FoundationEssentials
import GRPC
import NIOCore
import NIOPosix
import SwiftProtobuf
import TestKit
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// Whether a test of a program runs: if it is installed, and also, to fail, where it should be.
private func isWanted(_ program: String) -> Bool {
    installed(program) != nil || environment("REQUIRE_ETCD") != nil
}

/// Our server with Go's client, our client with Go's server.
@Suite(.timeLimit(.minutes(5))) struct InteropTests {
    /// For a machine that has other things to do.
    private let patience = TimeAmount.seconds(60)

    /// Answers Range with one key, as an etcd would.
    private struct OneKey: GRPCRouter {
        func method(_ path: String) -> GRPCMethod? {
            path == "/etcdserverpb.KV/Range" ? .unary(range) : nil
        }

        private func range(_ call: UnaryCall) {
            do {
                let octets = Array(call.request.readableBytesView)
                let request = try RangeRequest(serializedBytes: octets)
                var pair = KeyValue()
                pair.key = request.key
                pair.value = Data("from the test".utf8)
                pair.modRevision = 5
                var answer = RangeResponse()
                answer.kvs = [pair]
                answer.count = 1
                let bytes: [UInt8] = try answer.serializedBytes()
                call.respond(ByteBuffer(bytes: bytes))
            } catch {
                call.fail(GRPCStatus(.internalError, "\(error)"))
            }
        }
    }

    @Test(.enabled(if: isWanted("etcdctl"), "etcdctl is not installed: SKIPPED"))
    func `etcdctl talks to our server`() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let configuration = GRPCServerConfiguration(router: OneKey())
                    let handler = GRPCServerHandler(configuration: configuration)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let endpoint = "--endpoints=http://127.0.0.1:\(listener.localAddress?.port ?? 0)"
        let etcdctl = try #require(installed("etcdctl"))
        let version = ["ETCDCTL_API": "3"]
        let get = try await Program.run(
            etcdctl,
            [endpoint, "get", "greeting"],
            environment: version
        )
        #expect(get.output == "greeting\nfrom the test\n")
        #expect(get.status == 0)
        let put = try await Program.run(etcdctl, [endpoint, "put", "a", "b"], environment: version)
        #expect(put.status != 0)
        #expect(put.errors.contains("unknown service etcdserverpb.KV"))
        try await listener.close().get()
    }

    @Test(.enabled(if: isWanted("etcd"), "etcd is not installed: SKIPPED"))
    func `our client talks to etcd`() async throws {
        let folder = try TemporaryDirectory("grpc-interop")
        defer { folder.remove() }
        let (client, peer) = (try await freePort(), try await freePort())
        let url = "http://127.0.0.1:\(client)"
        let peerURL = "http://127.0.0.1:\(peer)"
        let etcd = try Program(
            try #require(installed("etcd")),
            [
                "--name=a", "--data-dir=\(folder.path)/data", "--listen-client-urls=\(url)",
                "--advertise-client-urls=\(url)", "--listen-peer-urls=\(peerURL)",
                "--initial-advertise-peer-urls=\(peerURL)", "--initial-cluster=a=\(peerURL)",
            ]
        )
        defer { etcd.signal(SIGKILL) }
        var configuration = GRPCClientConfiguration()
        configuration.connectTimeout = patience
        let us = EtcdClient(
            endpoint: url,
            group: MultiThreadedEventLoopGroup.singleton,
            configuration: configuration
        )
        try await eventually("etcd is healthy") { (try? await us.health()) != nil }
        try await useEtcd(us, url: url)
        etcd.signal(SIGKILL)
        try await etcd.waitForExit()
        let error = await #expect(throws: EtcdClientError.self) {
            try await us.status(timeout: patience)
        }
        #expect(error?.status.code == .unavailable)
        #expect(error?.description.contains(url) == true)
        await us.close()
    }

    private func useEtcd(_ us: EtcdClient, url: String) async throws {
        var put = PutRequest()
        put.key = Data("k".utf8)
        put.value = Data(repeating: 1, count: 500_000)
        let revision = try await us.put(put, timeout: patience).header.revision
        var range = RangeRequest()
        range.key = Data("k".utf8)
        let got = try await us.range(range, timeout: patience)
        #expect(got.kvs.map(\.value) == [put.value])
        #expect(got.kvs.first?.modRevision == revision)
        let members = try await us.memberList(timeout: patience).members
        #expect(members.map(\.name) == ["a"])
        #expect(try await us.status(timeout: patience).leader == members.first?.id)
        #expect(try await us.hashKV(timeout: patience).hash != 0)
        var compact = CompactionRequest()
        compact.revision = revision + 1000
        let error = await #expect(throws: EtcdClientError.self) {
            try await us.compact(compact, timeout: patience)
        }
        #expect(error?.status.code == .outOfRange)
        let text = "etcdserver: mvcc: required revision is a future revision"
        #expect(error?.status.message == text)
        #expect(error?.operation == "KV/Compact")
    }

    @Test func `the client connects again after its server was away`() async throws {
        let first = try await TestServer.start()
        let us = EtcdClient(
            endpoint: "127.0.0.1:\(first.port)",
            group: MultiThreadedEventLoopGroup.singleton
        )
        // The test server knows no such method, but that is an answer.
        #expect(await code(us) == .unimplemented)
        try await first.shutdownGracefully()
        try await eventually("it connects anew") { await code(us) == .unimplemented }
        await first.stop()
        try await first.shutdownGracefully()
        try await eventually("nobody is there") { await code(us) == .unavailable }
        await us.close()
        #expect(await code(us) == .cancelled)
    }

    private func code(_ client: EtcdClient) async -> GRPCCode? {
        do {
            _ = try await client.status(timeout: patience)
            return nil
        } catch {
            return error.status.code
        }
    }

    @Test(arguments: [
        ("http://127.0.0.1:2379", "127.0.0.1", 2379), ("localhost", "localhost", 2379),
        ("[::1]:42", "::1", 42), ("HTTP://h:1/", "h", 1), ("http://[::1]", "::1", 2379),
    ])
    func `endpoints are read as users write them`(text: String, host: String, port: Int) throws {
        let endpoint = try EtcdEndpoint(text)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
    }

    @Test(arguments: ["https://h:1", "h:0", "h:65536", "h:x", ":1", "", "[::1:2", "http://h/x:1"])
    func `what is no endpoint is refused`(text: String) {
        #expect(throws: EtcdEndpoint.Malformed.self) { try EtcdEndpoint(text) }
    }

    private func freePort() async throws -> Int {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        try await listener.close().get()
        return port
    }
}
