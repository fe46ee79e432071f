import Foundation
import Synchronization
import TestKit
import Testing

/// An operator with a state directory of its own, and what it started: the built programs, driven
/// as a user drives them. `stop()` ends every process of it.
final class RunningCluster {
    static let name = "quickstart"

    let folder: TemporaryDirectory
    let spec: String
    /// What the operator was told to read: the file, or its folder.
    private let specs: String
    private(set) var controller: Program

    var stateDirectory: String { "\(folder.path)/state" }

    /// Starts `etcd-operator run` on the sample and returns when all members serve.
    static func start(
        spec text: String? = nil,
        inFolder: Bool = false,
        arguments: [String] = []
    ) async throws -> RunningCluster {
        let cluster = try RunningCluster(spec: text, inFolder: inFolder, arguments: arguments)
        do {
            try await cluster.waitUntilServing()
        } catch {
            let output = cluster.controller.output + cluster.controller.errors
            await cluster.stop()
            throw Failed("the cluster did not come up: \(error)\n\(output)")
        }
        return cluster
    }

    /// Starts an operator and waits for nothing.
    init(spec text: String?, inFolder: Bool = false, arguments: [String] = []) throws {
        folder = try TemporaryDirectory("etcd-operator-e2e")
        let specFolder = "\(folder.path)/specs"
        try FileManager.default.createDirectory(
            atPath: specFolder,
            withIntermediateDirectories: false
        )
        spec = "\(specFolder)/cluster.yaml"
        specs = inFolder ? specFolder : spec
        let sample = "\(repositoryRoot())/Manifests/samples/quickstart.yaml"
        let content =
            try text
            ?? String(decoding: readFile(sample), as: UTF8.self)
            .replacingOccurrences(
                of: "spec:",
                with: "spec:\n  network:\n    basePort: \(Self.nextPort())"
            )
        try Data(content.utf8).write(to: URL(fileURLWithPath: spec))
        controller = try Self.controller(specs, "\(folder.path)/state", arguments)
    }

    /// A scenario that failed midway leaves nothing running either.
    deinit {
        controller.signal(SIGKILL)
        for member in members() { kill(member.pid, SIGKILL) }
        folder.remove()
    }

    private static let ports = Mutex(20_000 + Int(getpid() % 500) * 20)

    /// A block of ports of its own for each cluster of this run, apart from the block that an
    /// operator picks by itself, as other suites' operators pick at the same time.
    static func nextPort() -> Int {
        ports.withLock { port in
            port = port >= 30_000 ? 20_000 : port + 20
            return port
        }
    }

    private static func controller(_ spec: String, _ state: String, _ arguments: [String]) throws
        -> Program
    {
        try Program(
            "\(builtPrograms())/etcd-operator",
            ["run", spec, "--state-dir", state] + arguments
        )
    }

    /// Starts an operator again on the same spec and state directory.
    func startController(_ arguments: [String] = []) throws {
        controller = try Self.controller(specs, stateDirectory, arguments)
    }

    /// Waits until the operator has printed the line to paste, which it does once all serve.
    func waitUntilServing() async throws {
        try await eventually("the operator prints the line to paste", within: .seconds(60)) {
            guard controller.isRunning else {
                throw Failed("the operator ended: \(controller.output)\(controller.errors)")
            }
            return controller.output.contains("put hello world")
        }
    }

    /// Ends the operator and every member, and removes what they wrote.
    func stop() async {
        controller.signal(SIGKILL)
        for member in members() { kill(member.pid, SIGKILL) }
        try? await eventually("all members have ended") { members().isEmpty }
        folder.remove()
    }
}

extension RunningCluster {
    /// What stopped a scenario before it could show anything.
    struct Failed: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// A member's process.
    struct MemberProcess: Hashable {
        let name: String
        let pid: Int32
    }

    /// The running member processes of this state directory, by name.
    func members() -> [MemberProcess] {
        fileNames(in: "/proc").compactMap(Int32.init).compactMap { pid in
            guard let bytes = try? readFile("/proc/\(pid)/cmdline"), !bytes.isEmpty else {
                return nil
            }
            let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            guard words.first?.contains("/bin/etcd") == true,
                words.contains(where: { $0.contains(stateDirectory) }),
                let name = Self.value(of: "--name", in: words)
            else { return nil }
            return MemberProcess(name: name, pid: pid)
        }
        .sorted { $0.name < $1.name }
    }

    private static func value(of flag: String, in words: [String]) -> String? {
        for (index, word) in words.enumerated() {
            if word.hasPrefix("\(flag)=") { return String(word.dropFirst(flag.count + 1)) }
            if word == flag, index + 1 < words.count { return words[index + 1] }
        }
        return nil
    }

    /// Runs a verb of the operator's command line against this state directory.
    func operatorCommand(_ arguments: String...) async throws -> Program.Outcome {
        try await Program.run(
            "\(builtPrograms())/etcd-operator",
            arguments + ["--state-dir", stateDirectory]
        )
    }

    /// The client URLs, as `endpoints` prints them.
    func endpoints() async throws -> [String] {
        let outcome = try await operatorCommand("endpoints", Self.name)
        guard outcome.status == 0 else { throw Failed("endpoints: \(outcome.errors)") }
        return outcome.output.split(separator: "\n").first?
            .split(separator: ",").map(String.init) ?? []
    }

    /// Runs Debian's `etcdctl` against all members, or against `endpoint` alone.
    func etcdctl(_ arguments: [String], endpoint: String? = nil) async throws -> Program.Outcome {
        guard let program = installed("etcdctl") else { throw Failed("etcdctl is not installed") }
        let targets: String
        if let endpoint {
            targets = endpoint
        } else {
            targets = try await endpoints().joined(separator: ",")
        }
        return try await Program.run(
            program,
            ["--endpoints=\(targets)"] + arguments,
            environment: ["ETCDCTL_API": "3"]
        )
    }

    /// Runs `etcdctl` and gives what it printed; its failure is an error.
    func etcdctl(_ arguments: String..., endpoint: String? = nil) async throws -> String {
        let outcome = try await etcdctl(arguments, endpoint: endpoint)
        guard outcome.status == 0 else {
            throw Failed("etcdctl \(arguments.joined(separator: " ")): \(outcome.errors)")
        }
        return outcome.output
    }
}

/// Real clients are needed: skipped where they are missing, and an error where `REQUIRE_ETCD` says
/// that they must be there.
enum Etcdctl {
    static var isThere: Bool {
        let there = installed("etcdctl") != nil
        if !there, environment("REQUIRE_ETCD") != nil {
            Issue.record("etcdctl is missing although REQUIRE_ETCD is set")
        }
        return there || environment("REQUIRE_ETCD") != nil
    }

    static let missing: Comment = "SKIPPED: etcdctl is not installed (Debian package etcd-client)"
}
