import ClusterAPI
import TestKit
import Testing

@Suite struct SchemaTests {
    private let schema = Schema.cluster

    @Test func `every field stands in a group that is described, and is described itself`() {
        for field in schema.fields {
            #expect(schema.group(field.path.parent) != nil, "\(field.path)")
            #expect(field.summary.hasSuffix(".") || field.summary.hasSuffix("."), "\(field.path)")
            #expect(!field.summary.isEmpty)
        }
    }

    @Test func `every path is there once, and a refused one is not also accepted`() {
        let paths = schema.paths + schema.refusals.map(\.path)
        #expect(Set(paths).count == paths.count)
    }

    @Test func `every default is written in the schema`() {
        let defaults = schema.fields.compactMap { field in
            field.defaultText.map { "\(field.path)=\($0)" }
        }
        #expect(
            defaults == [
                "metadata.namespace=default", "spec.replicas=3", "spec.engine.type=embedded",
                "spec.engine.embedded.compatibility=3.5", "spec.storage.quota=8Gi",
                "spec.settings.heartbeatInterval=100ms", "spec.settings.electionTimeout=1s",
                "spec.settings.snapshotCount=10000", "spec.settings.maxRequestBytes=1.5Mi",
                "spec.settings.autoCompaction.mode=Disabled",
                "spec.settings.autoCompaction.retention=1h",
                "spec.settings.autoCompaction.revisions=10000",
                "spec.network.address=127.0.0.1", "spec.network.basePort=0",
                "spec.healing.unhealthyAfter=1m", "spec.healing.replaceAfter=5m",
                "spec.healing.learnerTimeout=10m", "spec.healing.quorumLoss.policy=Automatic",
                "spec.healing.quorumLoss.after=2m",
                "spec.maintenance.defragment.freeSpaceAbove=200Mi",
                "spec.maintenance.defragment.ratioAbove=0.45", "spec.maintenance.hashCheck=10m",
                "spec.paused=false",
                "spec.deletionPolicy=Retain",
            ]
        )
    }

    @Test func `every field says how an edit of it reaches a running cluster`() {
        for field in schema.fields {
            #expect(schema.convergence(of: field.path) != nil, "\(field.path)")
        }
        let paths = Set(schema.fields.map(\.path.description))
        #expect(Set(Schema.convergences.keys) == paths)
    }

    @Test func `the manual's table of fields is that of the schema`() throws {
        let path = "\(repositoryRoot())/Sources/Docs.docc/Fields.md"
        let page = String(decoding: try readFile(path), as: UTF8.self)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        let expected = schema.fields.map { field in
            let edit = schema.convergence(of: field.path)?.rawValue ?? ""
            return "| `\(field.path)` | \(field.defaultText.map { "`\($0)`" } ?? "-") | \(edit) |"
        }
        #expect(rows == expected)
    }

    @Test func `the names below a group are its fields and groups`() {
        #expect(schema.names(below: FieldPath()) == ["metadata", "spec"])
        #expect(
            schema.names(below: FieldPath(parsing: "spec.engine")) == ["type", "embedded", "etcd"]
        )
    }

    @Test func `a path is printed so that it can be told apart`() {
        let path = FieldPath(parsing: "metadata.labels").appending("example.com/team")
        #expect(path.description == "metadata.labels[\"example.com/team\"]")
        #expect(FieldPath(parsing: "spec.engine.type").description == "spec.engine.type")
    }
}
