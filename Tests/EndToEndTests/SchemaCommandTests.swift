import Foundation
import TestKit
import Testing

/// The verbs that only tell what a resource is: `crd`, `explain`, `validate`. They need no state
/// directory and start nothing.
@Suite(.timeLimit(.minutes(2))) struct SchemaCommandTests {
    private func run(_ arguments: String...) async throws -> Program.Outcome {
        try await Program.run("\(builtPrograms())/etcd-operator", arguments)
    }

    private static let samples = "\(repositoryRoot())/Manifests/samples"

    @Test func `crd prints the definition that lies in Manifests, and the same as JSON`()
        async throws
    {
        let yaml = try await run("crd")
        let path = "\(repositoryRoot())/Manifests/crds/etcdclusters.yaml"
        #expect(yaml.output == String(decoding: try readFile(path), as: UTF8.self))
        let json = try await run("crd", "-o", "json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
        let root = try #require(object as? [String: Any])
        #expect(root["kind"] as? String == "CustomResourceDefinition")
        #expect(try await run("crd", "-o", "table").status == 2)
    }

    @Test(arguments: [
        ("etcdcluster.spec.healing", "replaceAfter <duration>, default 5m"),
        ("etcdclusters.spec.healing.replaceAfter", "Takes a duration from 1s to 1d"),
        ("ec.spec.settings", "Rule: electionTimeout must be at least five times"),
        ("ec.status.members", "name <string>"), ("spec", "replicas <integer>, default 3"),
        ("spec.maintenance.window", "not supported yet"), ("ec", "status <object>"),
    ])
    func `explain says what a field is`(field: String, says: String) async throws {
        let outcome = try await run("explain", field)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains(says), "\(outcome.output)")
    }

    @Test func `explain lists the fields of fields on request, and names what is near`()
        async throws
    {
        let outcome = try await run("explain", "ec.spec", "--recursive")
        #expect(outcome.output.contains("\n    defragment <object>\n      schedule <schedule>\n"))
        let missing = try await run("explain", "ec.spec.healin")
        #expect(missing.status == 3)
        #expect(missing.errors.contains("did you mean spec.healing?"))
    }

    @Test func `validate reads files and directories, tells every mistake, and counts`()
        async throws
    {
        let folder = try TemporaryDirectory("etcd-operator-validate")
        defer { folder.remove() }
        let bad = "\(folder.path)/bad.yaml"
        let text = """
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: {name: a}
            spec: {replica: 3, paused: 1}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: bad))

        let good = try await run("validate", Self.samples)
        #expect(good.status == 0)
        #expect(good.output.hasSuffix("\n2 files, 2 clusters, 0 errors, 0 warnings\n"))

        let mixed = try await run("validate", bad, Self.samples)
        #expect(mixed.status == 1)
        #expect(mixed.errors.contains("\(bad):4:8: error: spec.replica: there is no such field"))
        #expect(mixed.errors.contains("\(bad):4:28: error: spec.paused: expected true or false"))
        #expect(mixed.output.hasSuffix("\n3 files, 2 clusters, 2 errors, 0 warnings\n"))

        let missing = try await run("validate", "\(folder.path)/none", bad)
        #expect(missing.status == 3)
        #expect(missing.errors.contains("\(folder.path)/none: there is no such file"))
        #expect(missing.errors.contains("spec.replica"), "the others are checked all the same")

        // Named twice is read once; declared twice is a mistake.
        let twice = try await run("validate", Self.samples, "\(Self.samples)/quickstart.yaml")
        #expect(twice.status == 0)
        let copy = "\(folder.path)/copy.yaml"
        try FileManager.default.copyItem(atPath: "\(Self.samples)/quickstart.yaml", toPath: copy)
        let both = try await run("validate", Self.samples, copy)
        #expect(both.status == 1)
        #expect(both.errors.contains("cluster default/quickstart is declared in"))

        let nothing = try await run("validate", "-")
        #expect(nothing.status == 0)
        #expect(nothing.output.hasPrefix("-: ok, declares nothing\n"))
        #expect(try await run("validate").status == 2)
    }
}
