import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// `etcdctl watch` of each release against a real etcd and against ours: it prints the same.
    @Suite(.timeLimit(.minutes(5)), .realEtcd) struct WatchParityTests {
        /// What is watched, what happens when the history is printed, and what is printed last.
        private struct Scenario {
            let watch: [String]
            var history = ""
            var then: [[String]] = []
            let until: String
        }

        private static let past: [[String]] = [
            ["put", "a", "1"], ["put", "a", "2"], ["put", "p/1", "x"], ["put", "p/2", "y"],
            ["put", "b", "bee"], ["del", "p", "q"], ["put", "p/1", "again"], ["del", "a"],
        ]

        /// One after the other on the same members.
        private static let scenarios: [Scenario] = [
            Scenario(
                watch: ["a", "--rev=12"],
                then: [["put", "a", "early"], ["put", "a", "early"], ["put", "a", "end 1"]],
                until: "end 1"
            ),
            Scenario(
                watch: ["", "--prefix", "--rev=1", "-w=json"],
                history: "\"mod_revision\":12",
                then: [["put", "last", "z"]],
                until: "\"key\":\"bGFzdA==\""
            ),
            Scenario(
                watch: ["p", "--prefix", "--rev=1", "--prev-kv", "-w=fields"],
                history: "again",
                then: [["del", "p/1"], ["put", "p/z", "end 2"]],
                until: "end 2"
            ),
            Scenario(
                watch: ["a", "--rev=1"],
                then: [["put", "a", "3"], ["put", "x", "no"], ["put", "a", "end 3"]],
                until: "end 3"
            ),
            Scenario(
                watch: ["a", "--rev=1", "--prev-kv"],
                then: [["put", "a", "3"], ["del", "a"], ["put", "a", "end 4"]],
                until: "end 4"
            ),
            Scenario(
                watch: ["p/", "--prefix", "--rev=3", "--prev-kv"],
                then: [["del", "p/", "--prefix"], ["put", "p/3", "end 5"]],
                until: "end 5"
            ),
            Scenario(
                watch: ["a", "b", "--rev=1"],
                then: [["put", "b", "no"], ["put", "aa", "end 6"]],
                until: "end 6"
            ),
            Scenario(
                watch: [
                    "aa", "--rev=1", "--", "/bin/sh", "-c",
                    "env | grep ETCD_WATCH | sort && echo end",
                ],
                until: "end\n"
            ),
            Scenario(watch: ["b", "a"], until: ""),
            // Not known to 3.4, which says so.
            Scenario(watch: ["b", "--rev=1", "--progress-notify"], until: "progress notify: "),
        ]

        @Test(arguments: EtcdRelease.allCases)
        func `etcdctl watch prints the same for both`(release: EtcdRelease) async throws {
            try await Pair.with(release) { pair in
                for command in Self.past { try await pair.control(command) }
                for scenario in Self.scenarios {
                    let outputs = try await pair.eachOutput { server in
                        let watch = try server.watch(scenario.watch)
                        defer { watch.signal(SIGKILL) }
                        if !scenario.history.isEmpty {
                            _ = try await Self.printed(by: watch, until: scenario.history)
                        }
                        for command in scenario.then { try await server.control(command) }
                        return try await Self.printed(by: watch, until: scenario.until)
                    }
                    #expect(outputs[0] == outputs[1], "\(scenario.watch)")
                }
            }
        }

        /// Until the text is there, or the program ends, with its status; without a text until it
        /// ends. What follows the text may come or not.
        private static func printed(by watch: Program, until text: String) async throws -> String {
            try await eventually("\(text) is printed") {
                !watch.isRunning || (!text.isEmpty && watch.output.contains(text))
            }
            let output = watch.output
            if !text.isEmpty, let end = output.range(of: text)?.upperBound {
                return String(output[..<end])
            }
            let status = try await watch.waitForExit()
            return "\(watch.output)\(watch.errors)exit \(status)"
        }

        @Test(arguments: EtcdRelease.allCases)
        func `a compacted start ends etcdctl in the same way`(release: EtcdRelease) async throws {
            try await Pair.with(release) { pair in
                for command in Self.past + [["compaction", "6"]] { try await pair.control(command) }
                for format in ["simple", "json"] {
                    let outputs = try await pair.eachOutput { server in
                        let watch = try server.watch(["a", "--rev=3", "-w=\(format)"])
                        return try await Self.printed(by: watch, until: "")
                    }
                    #expect(outputs[0] == outputs[1])
                    #expect(outputs[0].contains("exit 5"))
                }
            }
        }

        @Test(arguments: EtcdRelease.allCases)
        func `watches that are typed in share a stream and report progress`(release: EtcdRelease)
            async throws
        {
            try await Pair.with(release) { pair in
                for command in Self.past { try await pair.control(command) }
                let outputs = try await pair.eachOutput { server in
                    let (watch, lines) = try server.interactiveWatch()
                    defer { watch.signal(SIGKILL) }
                    lines.write(Data("watch a --rev=1 --prev-kv\n".utf8))
                    try await eventually("history") { watch.output.contains("DELETE") }
                    lines.write(Data("watch p/ --prefix --rev=5\n".utf8))
                    try await eventually("more history") { watch.output.contains("again") }
                    try await server.control(["put", "a", "now"])
                    try await server.control(["put", "p/7", "then"])
                    try await eventually("events") { watch.output.contains("then") }
                    lines.write(Data("progress\n".utf8))
                    try await eventually("progress") { watch.output.contains("notify: 11") }
                    return watch.output
                }
                #expect(outputs[0] == outputs[1])
            }
        }
    }
}

/// A real etcd and ours, with the same flags.
private struct Pair {
    struct Server {
        let tool: String
        let endpoint: String
        let program: Program
        let folder: String

        @discardableResult
        func control(_ arguments: [String]) async throws -> Program.Outcome {
            let outcome = try await Program.run(
                tool,
                ["--endpoints=\(endpoint)"] + arguments,
                environment: ["ETCDCTL_API": "3"]
            )
            try #require(outcome.status == 0, "etcdctl \(arguments): \(outcome.errors)")
            return outcome
        }

        func watch(_ arguments: [String]) throws -> Program {
            try Program(
                tool,
                ["--endpoints=\(endpoint)", "watch"] + arguments,
                environment: ["ETCDCTL_API": "3"]
            )
        }

        /// `etcdctl watch -i` and what writes its lines.
        func interactiveWatch() throws -> (Program, FileHandle) {
            let lines = "\(folder)/lines"
            let made = unsafe mkfifo(lines, 0o600)
            try #require(made == 0)
            let watch = try Program(
                "/bin/sh",
                ["-c", "exec \(tool) --endpoints=\(endpoint) watch -i < \(lines)"],
                environment: ["ETCDCTL_API": "3"]
            )
            return (watch, try #require(FileHandle(forWritingAtPath: lines)))
        }
    }

    let servers: [Server]

    static func with(_ release: EtcdRelease, _ body: (Pair) async throws -> Void) async throws {
        let folder = try TemporaryDirectory("etcd-watch")
        var servers: [Server] = []
        defer {
            for server in servers { server.program.signal(SIGKILL) }
            folder.remove()
        }
        let programs = [try release.tool("etcd"), "\(builtPrograms())/etcd-member"]
        for (index, program) in programs.enumerated() {
            servers.append(try start(program, try release.tool("etcdctl"), index, folder.path))
        }
        for server in servers {
            try await eventually("\(server.program.name) serves", within: .seconds(60)) {
                guard server.program.isRunning else {
                    throw RunningCluster.Failed(server.program.errors)
                }
                return server.program.errors.contains("ready to serve client requests")
            }
        }
        try await body(Pair(servers: servers))
    }

    private static func start(_ program: String, _ tool: String, _ index: Int, _ folder: String)
        throws -> Server
    {
        let ports = freePorts(2)
        let client = "http://127.0.0.1:\(ports[0])"
        let peer = "http://127.0.0.1:\(ports[1])"
        let data = "\(folder)/\(index)"
        try FileManager.default.createDirectory(
            atPath: data,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let process = try Program(
            program,
            [
                "--name=m", "--data-dir=\(data)/data", "--listen-client-urls=\(client)",
                "--advertise-client-urls=\(client)", "--listen-peer-urls=\(peer)",
                "--initial-advertise-peer-urls=\(peer)", "--initial-cluster=m=\(peer)",
                "--experimental-watch-progress-notify-interval=200ms",
            ]
        )
        return Server(tool: tool, endpoint: client, program: process, folder: data)
    }

    func control(_ arguments: [String]) async throws {
        for server in servers { try await server.control(arguments) }
    }

    /// What each server led to, without what must differ.
    func eachOutput(_ body: (Server) async throws -> String) async throws -> [String] {
        var outputs: [String] = []
        for server in servers {
            var output = try await body(server)
            for field in ["cluster_id\":", "member_id\":", "raft_term\":", "ID\" : ", "Term\" : "] {
                output = blank(output, after: field)
            }
            outputs.append(output)
        }
        return outputs
    }

    /// Takes out the numbers that follow a text.
    private func blank(_ text: String, after field: String) -> String {
        text.components(separatedBy: field).enumerated().map { index, part in
            index == 0 ? part : "#" + part.drop { $0.isNumber }
        }.joined(separator: field)
    }
}
