import EtcdProto
import FoundationEssentials
import GRPC
import NIOCore
import NIOPosix
import SwiftProtobuf
import Testing

/// A client of one stream of watches, which checks that messages are just the bytes that the
/// protobuf library would have written.
final class WatchClient: Sendable {
    let stream: ClientStream
    private let connection: GRPCConnection
    private let group: MultiThreadedEventLoopGroup

    init(port: Int, metadata: Metadata = [:]) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        connection = try await GRPCConnection.connect(host: "127.0.0.1", port: port, group: group)
        stream = await connection.stream("/etcdserverpb.Watch/Watch", metadata: metadata)
    }

    /// Runs a test on a stream and closes it afterwards.
    static func with(
        port: Int,
        metadata: Metadata = [:],
        _ body: (WatchClient) async throws -> Void
    ) async throws {
        let client = try await WatchClient(port: port, metadata: metadata)
        do {
            try await body(client)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    func close() async {
        stream.cancel()
        await connection.close()
        try? await group.shutdownGracefully()
    }

    func send(_ request: WatchRequest) async throws {
        let bytes: [UInt8] = try request.serializedBytes()
        try await stream.send(ByteBuffer(bytes: bytes))
    }

    func create(_ key: String, _ change: (inout WatchCreateRequest) -> Void = { _ in }) async throws
    {
        var request = WatchRequest()
        request.createRequest.key = Data(key.utf8)
        change(&request.createRequest)
        try await send(request)
    }

    func cancel(_ id: Int64) async throws {
        var request = WatchRequest()
        request.cancelRequest.watchID = id
        try await send(request)
    }

    func requestProgress() async throws {
        var request = WatchRequest()
        request.progressRequest = WatchProgressRequest()
        try await send(request)
    }

    func next() async throws -> WatchResponse {
        var messages = stream.messages
        let message = try #require(try await messages.next())
        let response = try WatchResponse(serializedBytes: Array(message.readableBytesView))
        let again: [UInt8] = try response.serializedBytes()
        #expect(again == Array(message.readableBytesView), "not the library's bytes: \(response)")
        return response
    }

    /// The status with which the stream ends; what comes before is left out.
    func end() async -> GRPCStatus {
        var messages = stream.messages
        do throws(GRPCStatus) {
            while try await messages.next(isolation: nil) != nil {}
            return GRPCStatus(.ok, "")
        } catch {
            return error
        }
    }
}

extension Event {
    /// Such as `put a=1 @3`.
    var text: String {
        let key = String(decoding: kv.key, as: UTF8.self)
        let value = String(decoding: kv.value, as: UTF8.self)
        let old = hasPrevKv ? " was \(String(decoding: prevKv.value, as: UTF8.self))" : ""
        return "\(type == .put ? "put" : "delete") \(key)=\(value) @\(kv.modRevision)\(old)"
    }
}
