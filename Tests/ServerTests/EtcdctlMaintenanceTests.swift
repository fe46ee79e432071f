import EtcdClient
import EtcdProto
import Foundation
import Glibc
import NIOCore
import NIOPosix
import Server
import Storage
import TestKit
import Testing

/// What the tests here need of a release of real etcd.
struct EtcdTools: Sendable, CustomTestStringConvertible {
    let version: String
    let etcd: String
    let etcdctl: String
    /// What knows files of snapshots: `etcdutl`, before 3.5 `etcdctl`.
    let files: String

    var testDescription: String { "etcd \(version)" }

    static let all: [EtcdTools] = EtcdRelease.allCases.compactMap { release in
        guard let etcd = release.program("etcd"), let etcdctl = release.program("etcdctl"),
            let files = release.program(release == .v3_4 ? "etcdctl" : "etcdutl")
        else { return nil }
        return EtcdTools(version: release.rawValue, etcd: etcd, etcdctl: etcdctl, files: files)
    }
}

extension RunningMembers {
    /// Maintenance with the real `etcdctl`, against ours and against a real etcd.
    @Suite(
        .timeLimit(.minutes(3)),
        .enabled(
            if: Programs.member != nil && !EtcdTools.all.isEmpty,
            "skipped: needs etcd-member beside the tests, and a real etcd"
        )
    )
    struct EtcdctlMaintenanceTests {
        private let directory: TemporaryDirectory

        init() throws {
            directory = try TemporaryDirectory()
        }

        private struct Member {
            let process: ChildProcess
            let endpoint: String
            let peer: String

            func client() -> EtcdClient {
                EtcdClient(endpoint: endpoint, group: MultiThreadedEventLoopGroup.singleton)
            }
        }

        private func start(
            _ program: String,
            name: String,
            ports: [Int] = FreePorts.find(2),
            extra: [String] = []
        ) async throws -> Member {
            let endpoint = "http://127.0.0.1:\(ports[0])"
            let peer = "http://127.0.0.1:\(ports[1])"
            let process = try ChildProcess(
                program,
                [
                    "--name=\(name)", "--data-dir=\(directory.path)/\(name)",
                    "--listen-client-urls=\(endpoint)", "--advertise-client-urls=\(endpoint)",
                    "--listen-peer-urls=\(peer)", "--initial-advertise-peer-urls=\(peer)",
                    "--initial-cluster=\(name)=\(peer)",
                ] + extra,
                output: "\(directory.path)/\(name).log"
            )
            let isUp = try await process.waits(for: "ready to serve client requests")
            try #require(isUp, "\(process.output)")
            return Member(process: process, endpoint: endpoint, peer: peer)
        }

        private func run(_ program: String, _ arguments: [String]) throws -> String {
            let output = "\(directory.path)/output"
            try? FileDisk().remove(output)
            let process = try ChildProcess(program, arguments, output: output)
            let code = process.wait()
            return "exit \(code)\n" + process.output
        }

        /// What the outputs of both may have in different: ids, addresses, log lines.
        private func normalized(_ text: String, _ member: Member, _ status: StatusResponse)
            -> String
        {
            let id = status.header.memberID
            let names = [
                (member.endpoint, "ENDPOINT"), (String(member.endpoint.dropFirst(7)), "ENDPOINT"),
                ("\(id)", "ID"), (String(id, radix: 16), "ID"),
            ]
            let lines = text.split(separator: "\n").map { line in
                var line = String(line)
                for (name, word) in names {
                    while let range = line.firstRange(of: name) {
                        line.replaceSubrange(range, with: word)
                    }
                }
                return line.hasPrefix("{\"level\"") ? "LOG" : line
            }
            return lines.filter { $0 != "LOG" }.joined(separator: "\n")
        }

        /// Times differ.
        private func masked(_ command: [String], _ text: String) -> String {
            guard command == ["endpoint", "health"] else { return text }
            return text.firstRange(of: "took").map { String(text[..<$0.lowerBound]) } ?? text
        }

        @Test(arguments: EtcdTools.all)
        func `a full member is disarmed with etcdctl as etcd is`(tools: EtcdTools) async throws {
            var outputs: [[String]] = []
            for (program, name) in [
                (tools.etcd, "theirs"), (try #require(Programs.member), "ours"),
            ] {
                let member = try await start(
                    program,
                    name: name,
                    extra: ["--quota-backend-bytes=\(40 * 4_096)"]
                )
                let client = member.client()
                let status = try await client.status()
                let page = String(repeating: "b", count: 4_096)
                while (try? await client.put(PutRequest("k", page))) != nil {}
                let revision = try await client.status().header.revision
                let commands = [
                    ["alarm", "list"], ["put", "x", "y"], ["endpoint", "health"],
                    ["del", "nothing"],
                    ["compaction", "\(revision)", "--physical"], ["defrag"], ["put", "x", "y"],
                    ["alarm", "disarm"], ["alarm", "list"], ["put", "x", "y"], ["get", "x"],
                ]
                outputs.append(
                    try commands.map { command in
                        let text = try run(
                            tools.etcdctl,
                            ["--endpoints=\(member.endpoint)"] + command
                        )
                        let line = masked(command, normalized(text, member, status))
                        return line.replacing("\(revision)", with: "REVISION")
                    }
                )
                await client.close()
                member.process.signal(SIGKILL)
            }
            #expect(outputs[0] == outputs[1])
        }

        @Test(arguments: EtcdTools.all)
        func `a real etcd starts from a snapshot of ours with the same data`(
            tools: EtcdTools
        ) async throws {
            // With the record of the schema's version, which older ones do not know.
            let ours = try await start(
                try #require(Programs.member),
                name: "ours",
                extra: ["--compatibility=3.6"]
            )
            let client = ours.client()
            try await eventually("the schema has a version") {
                try await client.status().storageVersion == "3.6.0"
            }
            let value = String(repeating: "s", count: 3_000)
            for number in 0..<700 {
                _ = try await client.put(PutRequest("k/\(number % 300)", "\(number)\(value)"))
            }
            var deletion = DeleteRangeRequest()
            deletion.key = .init("k/1".utf8)
            _ = try await client.deleteRange(deletion)
            var compaction = CompactionRequest()
            compaction.revision = 400
            compaction.physical = true
            _ = try await client.compact(compaction)
            let last = try await client.put(PutRequest("last", "one")).header.revision

            let file = "\(directory.path)/snapshot.db"
            let save = ["--endpoints=\(ours.endpoint)", "snapshot", "save", file]
            let saved = try run(tools.etcdctl, save)
            #expect(saved.hasPrefix("exit 0\n"), "\(saved)")
            let status = try run(tools.files, ["snapshot", "status", file])
            let fields = status.split(separator: "\n").last?.split(separator: ", ") ?? []
            #expect(status.hasPrefix("exit 0\n") && fields.count == 4, "\(status)")
            #expect(fields.dropFirst().first == "\(last)", "\(status)")

            let ports = FreePorts.find(2)
            let peer = "http://127.0.0.1:\(ports[1])"
            let restored = try run(
                tools.files,
                [
                    "snapshot", "restore", file, "--name=theirs",
                    "--data-dir=\(directory.path)/theirs", "--initial-cluster=theirs=\(peer)",
                    "--initial-advertise-peer-urls=\(peer)",
                ]
            )
            #expect(restored.hasPrefix("exit 0\n"), "\(restored)")
            let theirs = try await start(tools.etcd, name: "theirs", ports: ports)
            let other = theirs.client()
            let hashes = [
                try await client.hashKV(revision: last), try await other.hashKV(revision: last),
            ]
            #expect(hashes[0].hash == hashes[1].hash)
            #expect(hashes[0].compactRevision == hashes[1].compactRevision)
            #expect(hashes[0].header.revision == hashes[1].header.revision)
            var all = RangeRequest("k/")
            all.rangeEnd = .init("z".utf8)
            let rows = [try await client.range(all).kvs, try await other.range(all).kvs]
            #expect(rows[0].count == 300)
            #expect(rows[0] == rows[1])
            // And it goes on from there.
            let next = try await other.put(PutRequest("next", "x")).header.revision
            #expect(next == last + 1)
            await client.close()
            await other.close()
        }
    }
}
