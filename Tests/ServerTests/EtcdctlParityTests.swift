import NIOCore
import Server
import TestKit
import Testing

extension RunningMembers {
    /// The same commands of the real `etcdctl` against a real etcd and against ours: what users see
    /// must be the same, but for ids, sizes and versions.
    @Suite(
        .timeLimit(.minutes(3)),
        .enabled(if: Programs.member != nil, "etcd-member is not beside the tests")
    )
    struct EtcdctlParityTests {
        private let directory: TemporaryDirectory

        init() throws {
            directory = try TemporaryDirectory()
        }

        /// A sequence, because later commands see what earlier ones wrote.
        private static let commands: [[String]] =
            [
                ["put", "hello", "world"],
                ["get", "hello"],
                ["get", "hello", "-w=json"],
                ["get", "hello", "-w=fields"],
                ["put", "a/1", "one"], ["put", "a/2", "two"], ["put", "a/3", "three"],
                ["put", "b", "bee"],
                ["put", "a/2", "two again", "--prev-kv"],
                ["get", "a/", "--prefix"],
                ["get", "a/", "--prefix", "--limit=2", "-w=json"],
                ["get", "a/", "--prefix", "--order=DESCEND"],
                ["get", "a/", "--prefix", "--sort-by=MODIFY", "--order=ASCEND"],
                ["get", "a/", "--prefix", "--sort-by=VALUE", "--order=DESCEND", "--limit=1"],
                ["get", "a/", "--prefix", "--sort-by=VERSION", "--order=DESCEND"],
                ["get", "a/", "--prefix", "--keys-only"],
                ["get", "a/", "--prefix", "--count-only", "-w=fields"],
                ["get", "a/1", "a/3"],
                ["get", "a/2", "--from-key"],
                ["get", "a/2", "--rev=4"],
                ["get", "a/2", "--rev=100"],
                ["get", "--prefix", "", "--consistency=s"],
                ["get", "", "--prefix", "-w=json"],
                ["get", "nothing"], ["get", "nothing", "-w=json"],
                ["put", "", "x"],
                ["put", "hello", "--ignore-value"],
                ["put", "nothing", "--ignore-value"],
                ["del", "a/1", "--prev-kv"],
                ["del", "a/", "--prefix", "-w=json"],
                ["del", "nothing"],
                ["get", "a/", "--prefix", "--rev=7"],
                ["compaction", "8"],
                ["compaction", "8"],
                ["compaction", "100"],
                ["get", "a/", "--prefix", "--rev=7"],
                ["endpoint", "health"],
            ] + large

        /// Megabytes: while they come, a Go client pings to measure how far the server is away.
        private static let large =
            (0..<20).map { ["put", "large/\($0)", String(repeating: "x", count: 120_000)] } + [
                ["get", "large/", "--prefix"]
            ]

        private static let transactions = [
            "mod(\"hello\") > \"0\"\n\nput hello there\nget hello\n\nget hello\n\n",
            "value(\"hello\") = \"world\"\n\nput hello x\n\nget hello\ndel hello\n\n",
            "\n\nput t 1\nput t 2\n\n\n",
            "version(\"nothing\") = \"0\"\n\nget \"\" --prefix\n\n\n",
        ]

        /// A real etcd and ours.
        private func startPair(_ release: EtcdRelease) async throws -> (
            members: [ChildProcess], endpoints: [String]
        ) {
            try require(release.testDescription, isThere: release.isInstalled)
            var members: [ChildProcess] = []
            var endpoints: [String] = []
            for program in [release.program("etcd"), Programs.member] {
                let ports = FreePorts.find(2)
                let name = "m\(members.count)"
                let endpoint = "http://127.0.0.1:\(ports[0])"
                members.append(
                    try ChildProcess(
                        try #require(program),
                        [
                            "--name=\(name)", "--data-dir=\(directory.path)/\(name)",
                            "--listen-client-urls=\(endpoint)",
                            "--advertise-client-urls=\(endpoint)",
                            "--listen-peer-urls=http://127.0.0.1:\(ports[1])",
                            "--initial-advertise-peer-urls=http://127.0.0.1:\(ports[1])",
                            "--initial-cluster=\(name)=http://127.0.0.1:\(ports[1])",
                        ],
                        output: "\(directory.path)/\(name).log"
                    )
                )
                endpoints.append(endpoint)
                #expect(
                    try await members[members.count - 1].waits(
                        for: "ready to serve client requests"
                    )
                )
            }
            return (members, endpoints)
        }

        private func etcdctl(
            _ release: EtcdRelease,
            _ arguments: [String],
            _ endpoint: String,
            _ number: Int
        ) throws -> String {
            let output = "\(directory.path)/out-\(number)-\(endpoint.suffix(5))"
            let control = try ChildProcess(
                try #require(release.program("etcdctl")),
                ["--endpoints=\(endpoint)"] + arguments,
                output: output
            )
            let code = control.wait()
            return "exit \(code)\n" + Self.normalized(control.output, endpoint)
        }

        /// Leaves out what must differ: addresses, ids, times, terms.
        private static func normalized(_ text: String, _ endpoint: String) -> String {
            var lines: [String] = []
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                var line = String(line)
                while let range = line.firstRange(of: endpoint) {
                    line.replaceSubrange(range, with: "ENDPOINT")
                }
                line = blank(line, after: "\"cluster_id\":")
                line = blank(line, after: "\"member_id\":")
                line = blank(line, after: "\"raft_term\":")
                for field in ["\"ClusterID\" : ", "\"MemberID\" : ", "\"RaftTerm\" : ", "took = "] {
                    line = blank(line, after: field)
                }
                if line.hasPrefix("{\"level\"") { line = "LOG" }
                lines.append(line)
            }
            return lines.joined(separator: "\n")
        }

        private static func blank(_ line: String, after key: String) -> String {
            guard let range = line.firstRange(of: key) else { return line }
            let rest = line[range.upperBound...].drop { !",}".contains($0) }
            return line[..<range.upperBound] + "#" + rest
        }

        @Test(arguments: EtcdRelease.allCases)
        func `etcdctl prints the same for both`(release: EtcdRelease) async throws {
            let (members, endpoints) = try await startPair(release)
            for (number, command) in Self.commands.enumerated() {
                let theirs = try etcdctl(release, command, endpoints[0], number)
                let ours = try etcdctl(release, command, endpoints[1], number)
                #expect(ours == theirs, "etcdctl \(command.joined(separator: " "))")
            }
            for (number, text) in Self.transactions.enumerated() {
                let theirs = try txn(release, text, endpoints[0], number)
                let ours = try txn(release, text, endpoints[1], number)
                #expect(ours == theirs, "etcdctl txn \(text)")
            }
            for member in members { member.signal(9) }
        }

        /// `etcdctl txn` reads from standard input, so a shell feeds it.
        private func txn(
            _ release: EtcdRelease,
            _ text: String,
            _ endpoint: String,
            _ number: Int
        ) throws -> String {
            let output = "\(directory.path)/txn-\(number)-\(endpoint.suffix(5))"
            let program = try #require(release.program("etcdctl"))
            let script = "printf '%s' '\(text)' | \(program) --endpoints=\(endpoint) txn"
            let shell = try ChildProcess("/bin/sh", ["-c", script], output: output)
            let code = shell.wait()
            return "exit \(code)\n" + Self.normalized(shell.output, endpoint)
        }

        @Test(arguments: EtcdRelease.allCases)
        func `member list and status have etcd's form`(release: EtcdRelease) async throws {
            let (members, endpoints) = try await startPair(release)
            for command in [["member", "list"], ["endpoint", "status"]] {
                let outputs = try endpoints.map { try etcdctl(release, command, $0, 900) }
                let shapes = outputs.map { $0.split(separator: ", ").count }
                #expect(shapes[0] == shapes[1], "\(outputs)")
                #expect(outputs.allSatisfy { $0.hasPrefix("exit 0\n") }, "\(outputs)")
            }
            for member in members { member.signal(9) }
        }
    }
}
