import Foundation
import Raft
import Storage
import TestKit
import Testing

/// The proof of the format: real etcd's log is read here, and real etcd runs on one written here.
@Suite(.serialized) struct EtcdTests {
    static let isInstalled = installed("etcd") != nil && installed("etcdctl") != nil

    @Test(
        .enabled(
            if: isInstalled,
            "SKIPPED: etcd and etcdctl are not in PATH (apt-get install etcd-server etcd-client)"
        ),
        .timeLimit(.minutes(2))
    )
    func `etcd's log is read, and etcd goes on from one written from it`() async throws {
        let directory = try TemporaryDirectory("storage-etcd")
        defer { directory.remove() }
        let theirs = "\(directory.path)/theirs"
        let first = try await Etcd(data: theirs)
        do {
            for number in 1...20 {
                _ = try await first.control(["put", "key\(number)", "value\(number)"])
            }
            try await first.stop()
        } catch {
            try await first.stop()
            throw error
        }

        let contents = try WAL.read(on: FileDisk(), directory: "\(theirs)/member/wal")
        #expect(contents.marker == .zero)
        #expect(contents.tornTail == nil)
        #expect(!contents.metadata.isEmpty)
        #expect(contents.entries.map(\.index.rawValue) == Array(1...UInt64(contents.entries.count)))
        #expect(contents.entries.first?.kind == .confChange)
        #expect(contents.hardState.commit <= contents.lastIndex)
        #expect(contents.hardState.vote != .none)
        for number in 1...20 {
            #expect(
                contents.entries.contains { $0.data.contains(Array("value\(number)".utf8)) }
            )
        }

        let ours = "\(directory.path)/ours"
        try FileDisk().createDirectory("\(ours)/member/snap")
        let wal = try WAL.create(
            on: FileDisk(),
            directory: "\(ours)/member/wal",
            metadata: contents.metadata,
            segmentSize: 512
        )
        for entry in contents.entries {
            try wal.append([entry], hardState: nil)
            try wal.sync()
        }
        try wal.append([], hardState: contents.hardState)
        try wal.sync()
        wal.close()
        #expect(try FileDisk().list("\(ours)/member/wal").count > 2)

        let second = try await Etcd(data: ours)
        do {
            let answer = try await second.control(["get", "key7", "--print-value-only"])
            #expect(answer.output == "value7\n")
            _ = try await second.control(["put", "key21", "value21"])
            try await second.stop()
        } catch {
            try await second.stop()
            throw error
        }
        let more = try WAL.read(on: FileDisk(), directory: "\(ours)/member/wal")
        #expect(more.entries.starts(with: contents.entries))
        #expect(more.entries.contains { $0.data.contains(Array("value21".utf8)) })
    }
}

/// A running etcd with one member on loopback.
private struct Etcd {
    private let program: Program
    private let client: String

    init(data: String) async throws {
        let port = 20_000 + Int(ProcessInfo.processInfo.processIdentifier) % 5_000 * 2
        client = "http://127.0.0.1:\(port)"
        let peer = "http://127.0.0.1:\(port + 1)"
        program = try Program(
            try #require(installed("etcd")),
            [
                "--name", "default", "--data-dir", data,
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", "default=\(peer)",
            ]
        )
        do {
            try await eventually("etcd serves", within: .seconds(60)) {
                if !program.isRunning { throw NotRunning(errors: program.errors) }
                let answer = try await run(["get", "nothing"])
                return answer.status == 0
            }
        } catch {
            try await stop()
            throw error
        }
    }

    struct NotRunning: Error {
        let errors: String
    }

    func control(_ arguments: [String]) async throws -> Program.Outcome {
        let outcome = try await run(arguments)
        try #require(outcome.status == 0, "etcdctl \(arguments): \(outcome.errors)")
        return outcome
    }

    private func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(
            try #require(installed("etcdctl")),
            ["--endpoints", client] + arguments,
            environment: ["ETCDCTL_API": "3"]
        )
    }

    func stop() async throws {
        program.signal(SIGTERM)
        try await program.waitForExit()
    }
}
