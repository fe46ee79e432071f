extension EtcdCluster {
    /// The complete resource with every default written out, in the schema's order.
    package var tree: FieldTree {
        var root = TreeBuilder()
        root.set(["apiVersion"], .string(EtcdCluster.apiVersion))
        root.set(["kind"], .string(EtcdCluster.kind))
        for field in Schema.cluster.fields {
            if let value = field.read(self) { root.set(field.path.names, value) }
            if field.path.names == ["metadata", "annotations"] {
                if metadata.generation != 0 {
                    root.set(["metadata", "generation"], .integer(metadata.generation))
                }
                if !metadata.uid.isEmpty { root.set(["metadata", "uid"], .string(metadata.uid)) }
            }
        }
        if let status { root.set(["status"], FieldTree(encoding: status).value) }
        return FieldTree(root.value)
    }
}

/// Through the tree, so that stored resources, printed ones and those of users are one format and
/// pass the same checks.
extension EtcdCluster: Codable {
    private enum Key: String, CodingKey {
        case status
    }

    package init(from decoder: any Decoder) throws {
        let tree = try FieldTree(from: decoder)
        let decoded = EtcdCluster.decode(tree)
        guard var cluster = decoded.cluster else {
            let problems = decoded.errors.map(\.description).joined(separator: "; ")
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: problems)
            )
        }
        if case .integer(let generation) = tree["metadata"]?["generation"]?.value {
            cluster.metadata.generation = generation
        }
        if case .string(let uid) = tree["metadata"]?["uid"]?.value { cluster.metadata.uid = uid }
        let container = try decoder.container(keyedBy: Key.self)
        cluster.status = try container.decodeIfPresent(ClusterStatus.self, forKey: .status)
        self = cluster
    }

    package func encode(to encoder: any Encoder) throws {
        try tree.encode(to: encoder)
    }
}

/// A map under construction, filled path by path.
private struct TreeBuilder {
    private var leaf: FieldTree.Value?
    private var children: [(name: String, node: TreeBuilder)] = []

    var value: FieldTree.Value {
        leaf ?? .map(children.map { FieldTree.Field($0.name, FieldTree($0.node.value)) })
    }

    mutating func set(_ path: some Collection<String>, _ value: FieldTree.Value) {
        guard let name = path.first else {
            leaf = value
            return
        }
        let index: Int
        if let found = children.firstIndex(where: { $0.name == name }) {
            index = found
        } else {
            index = children.count
            children.append((name, TreeBuilder()))
        }
        children[index].node.set(path.dropFirst(), value)
    }
}
