import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Replays what real etcds answered to random requests (see Testdata/record.py). Every response,
/// error and checksum must be the same here.
@Suite struct TranscriptTests {
    /// What a line of a transcript says.
    struct Line {
        let number: Int
        let kind: String
        let request: String
        let answer: String
    }

    enum Way: CaseIterable { case inMemory, committing, committingToDisk }

    @Test(arguments: ["transcript-3.4.tsv", "transcript-3.5.tsv"], Way.allCases)
    func `a keyspace answers as real etcd did`(file: String, way: Way) throws {
        let directory =
            way == .committingToDisk ? try TemporaryDirectory("keyspace-transcript") : nil
        defer { directory?.remove() }
        let store = Store(directory: directory?.path)
        let committing = way != .inMemory
        var driver = try Driver(store.open())
        for line in try lines(of: file) {
            let answer = try answer(line, &driver)
            let expected = try normalized(line)
            #expect(answer == expected, "\(file):\(line.number): \(line.kind) \(line.request)")
            if committing, line.number.isMultiple(of: 7) { driver.seal() }
            if committing, line.number.isMultiple(of: 10) { try driver.commit() }
            if committing, line.number.isMultiple(of: 50) { try driver.finishCompaction() }
        }
    }

    private func lines(of file: String) throws -> [Line] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Testdata/\(file)")
        let text = try String(contentsOf: path, encoding: .utf8)
        return text.split(separator: "\n").enumerated().map { position, line in
            let parts = line.split(separator: "\t").map(String.init)
            return Line(
                number: position + 1,
                kind: parts[0],
                request: parts[1],
                answer: parts.count > 2 ? parts[2] : ""
            )
        }
    }

    /// A response's text as our own encoder writes it, so that equal messages are equal texts.
    private func normalized(_ line: Line) throws -> String {
        guard !line.answer.hasPrefix("error ") else { return line.answer }
        switch line.kind {
        case "put": return try PutResponse(jsonString: line.answer).jsonString()
        case "range": return try RangeResponse(jsonString: line.answer).jsonString()
        case "delete": return try DeleteRangeResponse(jsonString: line.answer).jsonString()
        case "txn": return try TxnResponse(jsonString: line.answer).jsonString()
        case "compact": return try CompactionResponse(jsonString: line.answer).jsonString()
        case "hashKV": return try HashKVResponse(jsonString: line.answer).jsonString()
        default: return ""
        }
    }

    private func answer(_ line: Line, _ driver: inout Driver) throws -> String {
        do {
            return try respond(line, &driver)
        } catch let error as EtcdError {
            return "error \(error.code) \(error.message)"
        }
    }

    private func respond(_ line: Line, _ driver: inout Driver) throws -> String {
        let keyspace = driver.keyspace
        switch line.kind {
        case "lease":
            driver.grant(try #require(Int64(line.request)))
            return ""
        case "put":
            let request = try PutRequest(jsonString: line.request)
            try keyspace.check(request)
            return try text(driver.put(request))
        case "delete":
            let request = try DeleteRangeRequest(jsonString: line.request)
            try keyspace.check(request)
            return try text(driver.delete(request))
        case "range":
            let request = try RangeRequest(jsonString: line.request)
            try keyspace.check(request)
            return try keyspace.range(request).jsonString()
        case "txn":
            let request = try TxnRequest(jsonString: line.request)
            try keyspace.check(request, maxOps: 128)
            if request.isReadOnly { return try keyspace.read(request).jsonString() }
            return try text(driver.txn(request))
        case "compact":
            let request = try CompactionRequest(jsonString: line.request)
            return try text(driver.compact(request.revision))
        case "hashKV":
            let request = try HashKVRequest(jsonString: line.request)
            let result = try keyspace.hashKV(at: request.revision)
            return try HashKVResponse.with {
                // The header is the server's: the current revision, whichever was hashed.
                $0.header.revision = keyspace.revision
                $0.hash = result.hash
                $0.compactRevision = result.compactRevision
            }.jsonString()
        default:
            throw Script.Malformed("unknown kind \(line.kind)")
        }
    }

    private func text(_ outcome: Outcome) throws -> String {
        switch try outcome.result.get() {
        case .put(let response): try response.jsonString()
        case .range(let response): try response.jsonString()
        case .deleteRange(let response): try response.jsonString()
        case .txn(let response): try response.jsonString()
        case .compaction(let response): try response.jsonString()
        case .alarm(let response): try response.jsonString()
        case .leaseGrant, .leaseRevoke, .leaseCheckpoint, .none: ""
        }
    }
}
