import Foundation
package import Testing

extension Trait where Self == ConditionTrait {
    /// Needs etcd and etcdctl: skipped where they are missing, and an error where `REQUIRE_ETCD`
    /// says that they must be there.
    package static var realEtcd: Self {
        .enabled("SKIPPED: no etcd and etcdctl in PATH (apt-get install etcd-server etcd-client)") {
            let there = installed("etcd") != nil && installed("etcdctl") != nil
            if !there, environment("REQUIRE_ETCD") != nil {
                Issue.record("etcd or etcdctl is missing although REQUIRE_ETCD is set")
            }
            return there
        }
    }
}

/// A running etcd with one member on loopback.
package struct RealEtcd {
    private let program: Program
    private let client: String

    /// Where every such member says that its peers find it.
    package static let peer = "http://127.0.0.1:\(port + 1)"
    private static let port = 20_000 + Int(ProcessInfo.processInfo.processIdentifier) % 5_000 * 2

    package init(data: String) async throws {
        client = "http://127.0.0.1:\(Self.port)"
        program = try Program(
            try #require(installed("etcd")),
            [
                "--name", "default", "--data-dir", data,
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", Self.peer, "--initial-advertise-peer-urls", Self.peer,
                "--initial-cluster", "default=\(Self.peer)",
            ]
        )
        do {
            try await eventually("etcd serves", within: .seconds(60)) {
                if !program.isRunning { throw NotRunning(errors: program.errors) }
                let answer = try await Self.tool(["--endpoints", client, "get", "nothing"])
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

    /// Runs `body` with an etcd on a data directory, and stops it whatever happens.
    package static func with(data: String, _ body: (RealEtcd) async throws -> Void) async throws {
        let etcd = try await RealEtcd(data: data)
        do {
            try await body(etcd)
        } catch {
            try await etcd.stop()
            throw error
        }
        try await etcd.stop()
    }

    @discardableResult
    package func control(_ arguments: [String]) async throws -> Program.Outcome {
        try await Self.control(["--endpoints", client] + arguments)
    }

    /// Whether a key has this value, however long: nothing of it goes through a pipe to the test.
    package func value(of key: String, is expected: String) async throws -> Bool {
        let directory = try TemporaryDirectory("etcd-value")
        defer { directory.remove() }
        let file = "\(directory.path)/value"
        try Data((expected + "\n").utf8).write(to: URL(fileURLWithPath: file))
        let outcome = try await Program.run(
            "/bin/sh",
            ["-c", "etcdctl --endpoints \(client) get \(key) --print-value-only | cmp - \(file)"],
            environment: ["ETCDCTL_API": "3"]
        )
        return outcome.status == 0
    }

    /// Runs an `etcdctl` that must succeed, without a member.
    @discardableResult
    package static func control(_ arguments: [String]) async throws -> Program.Outcome {
        let outcome = try await tool(arguments)
        try #require(outcome.status == 0, "etcdctl \(arguments): \(outcome.errors)")
        return outcome
    }

    private static func tool(_ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(
            try #require(installed("etcdctl")),
            arguments,
            environment: ["ETCDCTL_API": "3"]
        )
    }

    package func stop() async throws {
        program.signal(SIGTERM)
        try await program.waitForExit()
    }
}
