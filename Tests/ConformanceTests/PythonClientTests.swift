import TestKit
import Testing

/// Programs that use etcd's client libraries for Python print the same with etcd-member behind them
/// as with etcd 3.5.1.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct PythonClientTests {
    /// The scripts of Testdata/clients, by the part of the API that they are about.
    struct Script: CustomTestStringConvertible, Sendable {
        let library: String
        let part: String

        var testDescription: String { "\(library) \(part)" }

        var path: String {
            let folder = "\(repositoryRoot())/Tests/ConformanceTests/Testdata/clients"
            return "\(folder)/\(library)-\(part).py"
        }
    }

    private static let scripts = ["basics", "watch", "lease"].flatMap { part in
        ["etcd3", "aetcd"].map { Script(library: $0, part: part) }
    }

    @Test(arguments: scripts)
    func `a client library works with etcd-member as with etcd`(script: Script) async throws {
        let etcd = Contender.v3_5
        try require("Python with etcd3 and aetcd", isThere: PythonClients.python != nil)
        try require(etcd.testDescription, isThere: etcd.program != nil)
        if let reason = Group.unserved[script.part] { try skip("\(script.part): \(reason)") }
        let theirs = try await output(of: script, on: etcd)
        let ours = try await output(of: script, on: .ours)
        #expect(ours == theirs)
    }

    private func output(of script: Script, on contender: Contender) async throws -> String {
        let python = try #require(PythonClients.python)
        let server = try await LoneServer(contender)
        let port = String(server.client.split(separator: ":").last ?? "")
        let outcome = try await Program.run(
            python,
            ["-B", script.path, port, server.peer],
            // What etcd3 was generated with runs only in protobuf's implementation in Python.
            environment: script.library == "etcd3"
                ? ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"] : [:],
            within: .seconds(60)
        )
        try await server.stop()
        #expect(outcome.status == 0, "\(contender.testDescription): \(outcome.errors)")
        return outcome.output
    }
}
