import Foundation
import TestKit
import Testing

/// Mistakes get an answer that says what, where and what to do; nothing is half started.
extension EndToEndTests {
    @Suite(.serialized, .timeLimit(.minutes(5)))
    struct BadInputTests {
        private func run(_ arguments: [String]) async throws -> Program.Outcome {
            try await Program.run("\(builtPrograms())/etcd-operator", ["run"] + arguments)
        }

        private func sample(_ change: (String) -> String = { $0 }) throws -> String {
            let path = "\(repositoryRoot())/Manifests/samples/quickstart.yaml"
            return change(String(decoding: try readFile(path), as: UTF8.self))
        }

        private func write(_ text: String, to path: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }

        @Test func `a mistake in the spec is shown with its place and nothing is started`()
            async throws
        {
            let folder = try TemporaryDirectory("etcd-operator-bad")
            defer { folder.remove() }
            let spec = "\(folder.path)/spec.yaml"
            try write(
                try sample { $0.replacingOccurrences(of: "replicas:", with: "replica:") },
                to: spec
            )
            let outcome = try await run([spec, "--state-dir", "\(folder.path)/state"])
            #expect(outcome.status != 0)
            let said = outcome.errors + outcome.output
            #expect(said.contains("spec.yaml:"), "\(said)")
            #expect(said.contains("spec.replica"), "\(said)")
            #expect(said.contains("replicas"), "did you mean: \(said)")
            #expect(fileNames(in: "\(folder.path)/state/clusters").isEmpty)
        }

        @Test func `a state directory that cannot be made is named`() async throws {
            let folder = try TemporaryDirectory("etcd-operator-bad")
            defer { folder.remove() }
            try write("", to: "\(folder.path)/file")
            try write(try sample(), to: "\(folder.path)/spec.yaml")
            let outcome = try await run(
                ["\(folder.path)/spec.yaml", "--state-dir", "\(folder.path)/file/state"]
            )
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("\(folder.path)/file"), "\(outcome.errors)")
        }

        @Test func `a missing member binary is named`() async throws {
            let folder = try TemporaryDirectory("etcd-operator-bad")
            defer { folder.remove() }
            try write(try sample(), to: "\(folder.path)/spec.yaml")
            let outcome = try await run([
                "\(folder.path)/spec.yaml", "--state-dir", "\(folder.path)/state",
                "--member-binary", "\(folder.path)/nosuch",
            ])
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("\(folder.path)/nosuch"), "\(outcome.errors)")
        }

        @Test func `a second operator on the same state directory is refused`() async throws {
            let cluster = try await RunningCluster.start()
            let before = cluster.members()
            let outcome = try await run([cluster.spec, "--state-dir", cluster.stateDirectory])
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("\(cluster.controller.pid)"), "\(outcome.errors)")
            #expect(cluster.members() == before)
            await cluster.stop()
        }

        @Test func `foreign data in a member's directory is refused and kept`() async throws {
            let cluster = try await RunningCluster.start()
            let down = try await cluster.operatorCommand("down", RunningCluster.name)
            #expect(down.status == 0, "\(down.errors)")
            let members =
                "\(cluster.stateDirectory)/clusters/default/\(RunningCluster.name)/members"
            let names = fileNames(in: members).filter { !$0.hasPrefix(".") }.sorted()
            try #require(names.count == 3)
            let files = FileManager.default
            let own = "\(members)/\(names[0])"
            try files.moveItem(atPath: own, toPath: "\(cluster.folder.path)/aside")
            try files.copyItem(atPath: "\(members)/\(names[1])", toPath: own)

            _ = try await cluster.operatorCommand("up", RunningCluster.name)
            try await eventually("the refusal is shown") {
                let described = try await cluster.operatorCommand(
                    "describe",
                    "etcdcluster",
                    RunningCluster.name
                )
                return described.output.contains(names[0])
                    && described.output.contains("ForeignData")
            }
            try await eventually("the others serve") {
                cluster.members().map(\.name) == [names[1], names[2]]
            }
            #expect(fileNames(in: members).filter { !$0.hasPrefix(".") }.sorted() == names)

            try files.removeItem(atPath: own)
            try files.moveItem(atPath: "\(cluster.folder.path)/aside", toPath: own)
            try await eventually("what was put back runs") { cluster.members().count == 3 }
            await cluster.stop()
        }

        @Test func `an occupied port is reported with its holder and nothing moves`() async throws {
            let cluster = try await RunningCluster.start()
            let endpoints = try await cluster.endpoints()
            let down = try await cluster.operatorCommand("down", RunningCluster.name)
            #expect(down.status == 0, "\(down.errors)")
            let port = try #require(endpoints[0].split(separator: ":").last.flatMap { Int($0) })
            let python = try #require(installed("python3"))
            let stranger = try Program(
                python,
                ["-m", "http.server", "\(port)", "--bind", "127.0.0.1"]
            )
            defer { stranger.signal(SIGKILL) }
            let listening = "0100007F:\(String(port, radix: 16, uppercase: true)) 00000000:0000 0A"
            try await eventually("the stranger listens") {
                String(decoding: try readFile("/proc/net/tcp"), as: UTF8.self).contains(listening)
            }
            _ = try await cluster.operatorCommand("up", RunningCluster.name)
            try await eventually("the holder of the port is named") {
                let described = try await cluster.operatorCommand(
                    "describe",
                    "etcdcluster",
                    RunningCluster.name
                )
                return described.output.contains("\(port)")
                    && described.output.contains("\(stranger.pid)")
            }
            stranger.signal(SIGKILL)
            try await eventually("the member starts once the port is free") {
                cluster.members().count == 3
            }
            #expect(try await cluster.endpoints() == endpoints)
            await cluster.stop()
        }

        @Test func `an edit with a mistake changes nothing that runs`() async throws {
            let cluster = try await RunningCluster.start()
            let before = cluster.members()
            try write("kind: [broken", to: cluster.spec)
            try await eventually("the mistake is shown") {
                let said = cluster.controller.output + cluster.controller.errors
                return said.contains("cluster.yaml:")
            }
            #expect(cluster.members() == before)
            try FileManager.default.removeItem(atPath: cluster.spec)
            try await eventually("the missing spec is shown") {
                let described = try await cluster.operatorCommand(
                    "describe",
                    "etcdcluster",
                    RunningCluster.name
                )
                return described.output.contains("SpecMissing")
            }
            #expect(cluster.members() == before)
            await cluster.stop()
        }
    }
}
