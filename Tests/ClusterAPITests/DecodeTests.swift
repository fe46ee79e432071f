import ClusterAPI
import TestKit
import Testing
import YAML

@Suite struct DecodeTests {
    @Test func `of very many mistakes some are told, and how many more there are`() {
        let fields = (0..<5000).map { FieldTree.Field("field\($0)", FieldTree(.integer(1))) }
        let decoded = EtcdCluster.decode(
            FieldTree(
                .map([
                    .init("apiVersion", FieldTree(.string(EtcdCluster.apiVersion))),
                    .init("kind", FieldTree(.string(EtcdCluster.kind))),
                    .init("metadata", FieldTree(.map([.init("name", FieldTree(.string("a")))]))),
                    .init("spec", FieldTree(.map(fields))),
                ])
            )
        )
        #expect(decoded.cluster == nil)
        #expect(decoded.problems.count == 51)
        #expect(decoded.problems.last?.message == "there are 4950 more problems")
    }

    @Test(arguments: Script.all(in: "decode"))
    func `a text becomes this cluster or these problems`(script: Script) throws {
        try script.run { command in
            let prefix =
                command.name == "spec"
                ? [
                    "apiVersion: etcd-operator.dev/v1alpha1", "kind: EtcdCluster",
                    "metadata: {name: orders}", "spec:",
                ] : []
            let text = (prefix + command.input).joined(separator: "\n")
            let tree = try #require(try Node.parse(text).first).tree
            let decoded = EtcdCluster.decode(tree, in: command.value("directory"))
            var lines = decoded.problems.map { $0.described(in: "f.yaml") }
            if let cluster = decoded.cluster, command.has("show") {
                lines.append(Node.yaml([Node(cluster.tree)]))
            }
            return lines.joined(separator: "\n")
        }
    }

    @Test func `a resource without a spec has all defaults, and they are those of the Swift types`()
        throws
    {
        let text = """
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: {name: orders}
            """
        let decoded = EtcdCluster.decode(try #require(try Node.parse(text).first).tree)
        #expect(decoded.problems.isEmpty)
        #expect(decoded.cluster == EtcdCluster(metadata: Metadata(name: "orders")))
    }

    @Test func `a written cluster is read back as the same cluster`() throws {
        var cluster = EtcdCluster(metadata: Metadata(name: "orders", namespace: "shop"))
        cluster.metadata.labels = ["team": "a", "example.com/tier": "1"]
        cluster.metadata.annotations = ["note": "two\nlines"]
        cluster.spec.replicas = 5
        cluster.spec.engine = .etcd(version: nil, binary: "/usr/bin/etcd")
        cluster.spec.storage.quota = Quantity(bytes: 2 << 30)
        cluster.spec.settings.heartbeatInterval = .milliseconds(50)
        cluster.spec.settings.extraArgs = [.init(name: "max-txn-ops", value: "256")]
        cluster.spec.network.basePort = 23790
        cluster.spec.paused = true
        cluster.spec.deletionPolicy = .delete
        let written = Node.yaml([Node(cluster.tree)])
        let decoded = EtcdCluster.decode(try #require(try Node.parse(written).first).tree)
        #expect(decoded.problems.isEmpty)
        #expect(decoded.cluster == cluster)
    }

    /// Whatever a file holds, the answer is a cluster or an error at a place, never a crash.
    @Test(arguments: Seed.batch(20)) func `random resources are judged without a crash`(seed: Seed)
    {
        var random = seed.generator()
        let names = Schema.cluster.paths.flatMap(\.names) + ["apiVersion", "kind", "x", "", "a.b"]
        var accepted = 0
        for _ in 0..<200 {
            var fields = [
                FieldTree.Field("apiVersion", FieldTree(.string(EtcdCluster.apiVersion))),
                FieldTree.Field("kind", FieldTree(.string(EtcdCluster.kind))),
                FieldTree.Field(
                    "metadata",
                    FieldTree(.map([FieldTree.Field("name", FieldTree(.string("a")))]))
                ),
            ]
            if random.chance(0.8) {
                fields.append(FieldTree.Field("spec", randomTree(&random, names, depth: 3)))
            } else {
                fields = [FieldTree.Field(random.pick(names), randomTree(&random, names, depth: 3))]
            }
            let decoded = EtcdCluster.decode(FieldTree(.map(fields)))
            #expect((decoded.cluster == nil) == !decoded.errors.isEmpty)
            if let cluster = decoded.cluster {
                accepted += 1
                #expect(EtcdCluster.decode(cluster.tree).cluster == cluster)
            }
        }
        #expect(accepted > 0)
    }
}

private func randomTree(_ random: inout Generator, _ names: [String], depth: Int) -> FieldTree {
    switch random.below(depth > 0 ? 9 : 6) {
    case 0: FieldTree(.null)
    case 1: FieldTree(.bool(random.chance(0.5)))
    case 2: FieldTree(.integer(Int64(random.below(12)) - 2))
    case 3: FieldTree(.number(random.pick(["1.5", "1e99", ".inf", "99999999999999999999"])))
    case 4: FieldTree(.string(random.pick(["", "1s", "8Gi", "etcd", "Retain", "127.0.0.1", "é"])))
    case 5: FieldTree(.integer(random.chance(0.5) ? .max : .min))
    case 6: FieldTree(.list([randomTree(&random, names, depth: depth - 1)]))
    default:
        FieldTree(
            .map(
                (0..<random.below(3)).map { _ in
                    FieldTree.Field(
                        random.pick(names),
                        randomTree(&random, names, depth: depth - 1)
                    )
                }
            )
        )
    }
}

extension Node {
    /// The neutral tree of this one, with its marks.
    var tree: FieldTree {
        let place = mark.map { SourceMark(line: $0.line, column: $0.column) }
        let value: FieldTree.Value =
            switch content {
            case .sequence(let items): .list(items.map(\.tree))
            case .mapping(let pairs):
                .map(
                    pairs.map { pair in
                        let mark = pair.keyMark.map { SourceMark(line: $0.line, column: $0.column) }
                        return FieldTree.Field(pair.key, pair.value.tree, keyMark: mark)
                    }
                )
            case .scalar:
                switch resolved {
                case .null, nil: .null
                case .boolean(let flag): .bool(flag)
                case .integer(let number): .integer(number)
                case .float(let text): .number(text)
                case .string(let text): .string(text)
                }
            }
        return FieldTree(value, mark: place)
    }

    init(_ tree: FieldTree) {
        switch tree.value {
        case .null: self.init(.scalar(Scalar("null")))
        case .bool(let flag): self.init(.scalar(Scalar("\(flag)")))
        case .integer(let number): self.init(.scalar(Scalar("\(number)")))
        case .number(let text): self.init(.scalar(Scalar(text)))
        case .string(let text):
            self.init(.scalar(Scalar(text, style: CoreSchema.style(forText: text))))
        case .list(let items): self.init(.sequence(items.map { Node($0) }))
        case .map(let fields):
            self.init(.mapping(fields.map { Pair($0.key, Node($0.value)) }))
        }
    }
}
