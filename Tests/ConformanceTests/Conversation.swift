import EtcdProto
import FoundationEssentials
import GRPC
import NIOCore
import SwiftProtobuf
import TestKit

/// A scenario being performed. Its calls, each on a line:
///
///     Put key:"a" value:"1"           a unary method; the request in protobuf's text format
///     L = LeaseGrant TTL:60           the same; $L is the id that it answered from then on
///     3x Put key:"a%d"                the same three times; %d counts from 1
///     given a=1 b=2 -a                puts and deletions whose answers nobody wants to see
///     Watch create_request{key:"a"}   sends on a stream of watches
///     recv, recv 3                    the next answers of that stream, in order of watch ids
///     KeepAlive ID:$L                 sends on a stream of keep-alives, and receives
///     Snapshot                        the whole stream of a snapshot, told in one line
///
/// `Watch@b`, `recv@b`, `KeepAlive@b`: another stream, named b. ``Names/fill(_:)`` tells what else
/// may stand in a request.
final class Conversation {
    private let connection: GRPCConnection
    private let isAlone: Bool
    private var names: Names
    private var leases: [UInt64] = []
    private var streams: [String: ClientStream] = [:]
    private var transcript: [String] = []

    private static let patience = TimeAmount.seconds(20)

    /// Performs a scenario on a server and gives the transcript.
    static func perform(_ scenario: Scenario, on server: LoneServer) async throws -> String {
        do {
            let base =
                scenario.isAlone ? server.header.revision : try await emptied(server.connection)
            let conversation = Conversation(
                server.connection,
                isAlone: scenario.isAlone,
                Names(base: base, server: server)
            )
            for call in scenario.calls { try await conversation.perform(call) }
            await conversation.end()
            return conversation.transcript.joined(separator: "\n")
        } catch {
            throw Script.Malformed("\(scenario.name): \(error)\n\(server.errors.suffix(2_000))")
        }
    }

    private init(_ connection: GRPCConnection, isAlone: Bool, _ names: Names) {
        (self.connection, self.isAlone, self.names) = (connection, isAlone, names)
    }

    /// Deletes all keys and gives the revision of that.
    private static func emptied(_ connection: GRPCConnection) async throws -> Int64 {
        let everything = try Method.encode(
            #"key:"\000" range_end:"\000""#,
            as: DeleteRangeRequest.self
        )
        let path = "/etcdserverpb.KV/DeleteRange"
        let answer = try await connection.unary(path, everything, timeout: patience)
        return try DeleteRangeResponse(serializedBytes: answer).header.revision
    }

    /// Ends what outlives calls: streams and leases.
    private func end() async {
        for stream in streams.values { stream.cancel() }
        for id in leases {
            let request = LeaseRevokeRequest.with { $0.id = Int64(bitPattern: id) }
            guard let bytes: [UInt8] = try? request.serializedBytes() else { continue }
            // Most are gone already.
            _ = try? await connection.unary("/etcdserverpb.Lease/LeaseRevoke", bytes)
        }
    }

    private func perform(_ line: String) async throws {
        var words = line.split(separator: " ", maxSplits: 2).map(String.init)
        if words.count == 3, words[1] == "=" {
            return try await unary(words[2], binding: words[0])
        }
        if words[0].hasSuffix("x"), let times = Int(words[0].dropLast()) {
            let call = line.dropFirst(words[0].count + 1)
            for number in 1...max(times, 1) {
                try await perform(String(call).replacing("%d", with: "\(number)"))
            }
            return
        }
        let parts = words.removeFirst().split(separator: "@").map(String.init)
        let text = words.joined(separator: " ")
        let stream = parts.count > 1 ? parts[1] : ""
        switch parts[0] {
        case "given": try await prepare(text)
        case "Watch": try await send(text, as: WatchRequest.self, "Watch/Watch", stream)
        case "recv": try await receive(Int(text) ?? 1, stream)
        case "KeepAlive": try await keepAlive(text, stream)
        case "Snapshot": try await snapshot()
        default: try await unary(line, binding: nil)
        }
    }

    private func say(_ label: String, _ message: any SwiftProtobuf.Message) {
        transcript += AnswerText(names: names, isAlone: isAlone).lines(label, message)
    }

    private func say(_ label: String, _ status: GRPCStatus) {
        transcript.append("\(label) \(status.code.name) \"\(names.mask(status.message))\"")
    }

    // MARK: Unary calls

    private func unary(_ line: String, binding name: String?) async throws {
        let label = String(line.prefix { $0 != " " })
        guard let method = Method.named(label) else {
            throw Script.Malformed("no such call: \(label)")
        }
        let request = try method.request(try names.fill(String(line.dropFirst(label.count))))
        do throws(GRPCStatus) {
            let bytes = try await connection.unary(method.path, request, timeout: Self.patience)
            let response = try decode { try method.response(bytes) }
            if let name { bind(name, response) }
            say(label, response)
        } catch {
            say(label, error)
        }
    }

    private func decode<Response>(_ body: () throws -> Response) throws(GRPCStatus) -> Response {
        do {
            return try body()
        } catch {
            throw GRPCStatus(.internalError, "the answer cannot be decoded: \(error)")
        }
    }

    private func bind(_ name: String, _ response: any SwiftProtobuf.Message) {
        switch response {
        case let grant as LeaseGrantResponse:
            names.bind(name, UInt64(bitPattern: grant.id))
            leases.append(UInt64(bitPattern: grant.id))
        case let added as MemberAddResponse: names.bind(name, added.member.id)
        default: break
        }
    }

    private func prepare(_ text: String) async throws {
        for word in text.split(separator: " ") {
            let (path, request): (String, [UInt8])
            if word.hasPrefix("-") {
                path = "/etcdserverpb.KV/DeleteRange"
                request = try Method.encode(
                    "key:\"\(word.dropFirst())\"",
                    as: DeleteRangeRequest.self
                )
            } else {
                let sides = word.split(separator: "=", maxSplits: 1)
                guard sides.count == 2 else { throw Script.Malformed("not key=value: \(word)") }
                path = "/etcdserverpb.KV/Put"
                request = try Method.encode(
                    "key:\"\(sides[0])\" value:\"\(sides[1])\"",
                    as: PutRequest.self
                )
            }
            _ = try await connection.unary(path, request, timeout: Self.patience)
        }
    }

    // MARK: Streams

    private func send<Request: SwiftProtobuf.Message>(
        _ text: String,
        as type: Request.Type,
        _ method: String,
        _ name: String
    ) async throws {
        let key = "\(method)@\(name)"
        let stream: ClientStream
        if let open = streams[key] {
            stream = open
        } else {
            stream = await connection.stream("/etcdserverpb.\(method)", timeout: Self.patience)
            streams[key] = stream
        }
        let request = try Method.encode(try names.fill(text), as: type)
        do throws(GRPCStatus) {
            try await stream.send(ByteBuffer(bytes: request))
        } catch {
            say(method, error)
        }
    }

    private func receive(_ count: Int, _ name: String) async throws {
        guard let stream = streams["Watch/Watch@\(name)"] else {
            throw Script.Malformed("nothing is watched there")
        }
        let label = name.isEmpty ? "recv" : "recv@\(name)"
        var responses: [WatchResponse] = []
        do throws(GRPCStatus) {
            for _ in 0..<count {
                let bytes = try await next(of: stream)
                responses.append(try decode { try WatchResponse(serializedBytes: bytes) })
            }
        } catch {
            say(label, error)
        }
        // Which of several watches is told first is nobody's promise.
        for id in Set(responses.map(\.watchID)).sorted() {
            for response in responses where response.watchID == id { say(label, response) }
        }
    }

    private func next(of stream: ClientStream) async throws(GRPCStatus) -> [UInt8] {
        var messages = stream.messages
        guard let message = try await messages.next() else {
            throw GRPCStatus(.ok, "the stream ended")
        }
        return Array(message.readableBytesView)
    }

    private func keepAlive(_ text: String, _ name: String) async throws {
        let method = "Lease/LeaseKeepAlive"
        try await send(text, as: LeaseKeepAliveRequest.self, method, name)
        guard let stream = streams["\(method)@\(name)"] else { return }
        do throws(GRPCStatus) {
            let bytes = try await next(of: stream)
            say("KeepAlive", try decode { try LeaseKeepAliveResponse(serializedBytes: bytes) })
        } catch {
            say("KeepAlive", error)
        }
    }

    /// What the blobs of a snapshot have in common, whatever their number and size.
    private func snapshot() async throws {
        let stream = await connection.stream(
            "/etcdserverpb.Maintenance/Snapshot",
            timeout: Self.patience
        )
        var check = SnapshotCheck()
        do throws(GRPCStatus) {
            try await stream.send(ByteBuffer())
            stream.finish()
            for try await message in stream.messages {
                let bytes = Array(message.readableBytesView)
                check.take(try decode { try SnapshotResponse(serializedBytes: bytes) })
            }
            transcript.append("Snapshot \(check.verdict)")
            if let first = check.first { say("Snapshot.first", first) }
        } catch {
            say("Snapshot", error)
        }
    }
}
