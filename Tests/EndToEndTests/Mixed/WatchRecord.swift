import EtcdProto
import Foundation
import TestKit

/// Everything that one `etcdctl watch` of all keys prints, from before the first write until the
/// last; it reconnects by itself when its member goes.
final class WatchRecord {
    private let endpoints: [String]
    private let first: Int64
    private var program: Program
    /// What those before it have printed.
    private var earlier = ""

    /// Watches from `revision` on through any of the endpoints.
    init(_ endpoints: [String], from revision: Int64) throws {
        self.endpoints = endpoints
        first = revision
        program = try Self.start(endpoints, revision)
    }

    private static func start(_ endpoints: [String], _ revision: Int64) throws -> Program {
        try Program(
            try EtcdRelease.v3_5.tool("etcdctl"),
            [
                "--endpoints=\(endpoints.joined(separator: ","))", "watch", "", "--prefix",
                "--rev=\(revision)", "-w=json",
            ]
        )
    }

    deinit { program.signal(SIGKILL) }

    /// Waits for an event of this revision.
    func waitForRevision(_ revision: Int64) async throws {
        try await eventually("the watch comes to revision \(revision)", within: .seconds(60)) {
            if !program.isRunning { try resume() }
            let end = String(decoding: program.output.utf8.suffix(20_000), as: UTF8.self)
            return end.contains("\"mod_revision\":\(revision),")
        }
    }

    /// `etcdctl` asks that its member have a leader, and ends when elections took too long: then
    /// it goes on behind what it has told, if anything.
    private func resume() throws {
        guard program.errors.contains("etcdserver: no leader") else {
            throw Ended(errors: program.errors)
        }
        earlier += program.output
        let last = try Self.events(in: earlier).last?.revision ?? first - 1
        program = try Self.start(endpoints, last + 1)
    }

    struct Ended: Error {
        let errors: String
    }

    /// What each revision has written, in the order in which it was told.
    func events() throws -> [(revision: Int64, write: WriteLedger.Write)] {
        program.signal(SIGKILL)
        return try Self.events(in: earlier + program.output)
    }

    private static func events(
        in output: String
    ) throws -> [(revision: Int64, write: WriteLedger.Write)] {
        try output.split(separator: "\n").flatMap { line in
            try JSONDecoder().decode(Line.self, from: Data(line.utf8)).events.map(\.told)
        }
    }

    private struct Line: Decodable {
        let events: [Event]

        enum CodingKeys: String, CodingKey {
            case events = "Events"
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            events = try values.decodeIfPresent([Event].self, forKey: .events) ?? []
        }
    }

    private struct Event: Decodable {
        struct Pair: Decodable {
            let key: Data
            let value: Data?
            let mod_revision: Int64
        }

        let kv: Pair

        var told: (revision: Int64, write: WriteLedger.Write) {
            let value = String(decoding: kv.value ?? Data(), as: UTF8.self)
            let key = String(decoding: kv.key, as: UTF8.self)
            return (kv.mod_revision, WriteLedger.Write(key: key, value: value))
        }
    }
}
