import EtcdClient
import GRPC
import NIOCore
import NIOPosix
import TestKit
import Testing

/// A client of an etcd that accepts connections and says nothing, as a stopped process does.
@Suite(.timeLimit(.minutes(5))) struct ConnectTests {
    private func withSilence(_ body: (EtcdClient) async throws -> Void) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        var configuration = GRPCClientConfiguration()
        configuration.connectTimeout = .seconds(20)
        let client = EtcdClient(
            endpoint: "127.0.0.1:\(listener.localAddress?.port ?? 0)",
            group: MultiThreadedEventLoopGroup.singleton,
            configuration: configuration
        )
        try await body(client)
        await client.close()
        try await listener.close().get()
    }

    private func status(_ client: EtcdClient, _ timeout: TimeAmount) async -> GRPCStatus? {
        do {
            _ = try await client.status(timeout: timeout)
            return nil
        } catch {
            return error.status
        }
    }

    @Test func `calls that wait for one connection all end in their own time`() async throws {
        try await withSilence { client in
            let start = ContinuousClock.now
            await withTaskGroup(of: GRPCStatus?.self) { group in
                for _ in 0..<12 { group.addTask { await status(client, .milliseconds(400)) } }
                for await status in group {
                    #expect(status?.code == .unavailable)
                    #expect(status?.message.contains("timed out after 0.") == true)
                }
            }
            // One after the other they would take almost five seconds.
            #expect(ContinuousClock.now - start < .seconds(3))
        }
    }

    @Test func `a call in haste does not wait for one that has time`() async throws {
        try await withSilence { client in
            let patient = Task { await status(client, .seconds(15)) }
            let start = ContinuousClock.now
            while await status(client, .milliseconds(50)) == nil {}
            #expect(ContinuousClock.now - start < .seconds(5))
            patient.cancel()
            #expect(await patient.value?.code == .cancelled)
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }
}
