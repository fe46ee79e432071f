/// What makes an API server know `EtcdCluster`: a CustomResourceDefinition with the schema of spec
/// and status, the rules between fields, the columns of `kubectl get` and the scale subresource.
///
/// It is a function of the schema. `Manifests/crds` holds the result.
package struct CustomResourceDefinition {
    private let schema: Schema

    package init(_ schema: Schema = .cluster) {
        self.schema = schema
    }

    package var tree: FieldTree {
        .map([
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": .map(["name": .text("\(EtcdCluster.plural).\(EtcdCluster.group)")]),
            "spec": .map([
                "group": .text(EtcdCluster.group),
                "names": .map([
                    "kind": .text(EtcdCluster.kind),
                    "listKind": .text(EtcdCluster.kind + "List"),
                    "plural": .text(EtcdCluster.plural),
                    "singular": .text(EtcdCluster.singular),
                    "shortNames": .texts(EtcdCluster.shortNames),
                    "categories": ["all", "etcd"],
                ]),
                "scope": "Namespaced",
                "versions": [version],
            ]),
        ])
    }

    private var version: FieldTree {
        .map([
            "name": .text(EtcdCluster.version),
            "served": true,
            "storage": true,
            "schema": .map(["openAPIV3Schema": root]),
            "subresources": .map([
                "status": .map([:]),
                "scale": .map([
                    "specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas",
                ]),
            ]),
            "additionalPrinterColumns": FieldTree(
                .list(PrinterColumn.all.map(\.tree))
            ),
        ])
    }

    private var root: FieldTree {
        .map([
            "type": "object",
            "description": "An etcd cluster: what it should be like, and what it is like.",
            "properties": .map([
                "apiVersion": .map(["type": "string"]),
                "kind": .map(["type": "string"]),
                "metadata": metadata,
                "spec": group(FieldPath(["spec"])),
                "status": status(FieldPath(["status"])),
            ]),
        ])
    }

    /// An API server has a schema of its own for metadata, and takes only rules about the name.
    private var metadata: FieldTree {
        let names = schema.fields.filter { $0.path.names == ["metadata", "name"] }
        return .map([
            "type": "object",
            "properties": FieldTree(.map(names.map { .init($0.name, $0.type.openAPI) })),
        ])
    }

    private func group(_ path: FieldPath) -> FieldTree {
        let names = schema.names(below: path)
        let fields = names.map { name in
            let child = path.appending(name)
            return FieldTree.Field(name, schema.field(child).map(field) ?? group(child))
        }
        let required = schema.fields.filter { $0.isRequired && $0.path.parent == path }
        var tree: FieldTree = .map([
            "type": "object",
            "description": .text(schema.group(path)?.summary ?? ""),
            "properties": FieldTree(.map(fields)),
        ])
        if !required.isEmpty { tree = tree.adding(["required": .texts(required.map(\.name))]) }
        if schema.group(path)?.isAlternative == false {
            tree = tree.adding(["default": defaults(of: path)])
        }
        return tree.adding(rules(at: path))
    }

    /// Nothing, which an API server fills with the defaults of the fields. Only where rules look at
    /// the group it is written out, because it is judged as it stands here.
    private func defaults(of path: FieldPath) -> FieldTree {
        guard schema.celRules.contains(where: { $0.place == path }) else { return .map([:]) }
        let fields = schema.fields.filter { $0.path.parent == path }
        return FieldTree(
            .map(fields.compactMap { field in field.defaultValue.map { .init(field.name, $0) } })
        )
    }

    private func field(_ field: SchemaField) -> FieldTree {
        var tree = field.type.openAPI.adding(["description": .text(field.summary)])
        if let value = field.defaultValue { tree = tree.adding(["default": value]) }
        return tree.adding(rules(at: field.path))
    }

    private func rules(at place: FieldPath) -> FieldTree {
        let rules = schema.celRules.filter { $0.place == place }
        guard !rules.isEmpty else { return .map([:]) }
        return .map([
            "x-kubernetes-validations": FieldTree(
                .list(
                    rules.map {
                        .map(["rule": .text($0.expression), "message": .text($0.message)])
                    }
                )
            )
        ])
    }
}

/// The status.
extension CustomResourceDefinition {
    private func status(_ path: FieldPath) -> FieldTree {
        guard let field = schema.statusField(path) else { return .map([:]) }
        let description: FieldTree = .map(["description": .text(field.summary)])
        switch field.kind {
        case .integer: return .map(["type": "integer", "format": "int64"]).adding(description)
        case .text: return .map(["type": "string"]).adding(description)
        case .choice(let words):
            return .map(["type": "string", "enum": .texts(words)]).adding(description)
        case .time: return .map(["type": "string", "format": "date-time"]).adding(description)
        case .texts:
            return .map(["type": "array", "items": .map(["type": "string"])]).adding(description)
                .adding(["x-kubernetes-list-type": "atomic"])
        case .object: return object(below: path, description)
        case .list(let key):
            return .map(["type": "array"]).adding(description).adding([
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": [.text(key)],
                "items": object(below: path, .map([:])),
            ])
        }
    }

    private func object(below path: FieldPath, _ description: FieldTree) -> FieldTree {
        let fields = schema.status.filter { $0.path.parent == path }
        let required = fields.filter(\.isRequired).map(\.name)
        let properties = fields.map { FieldTree.Field($0.name, status($0.path)) }
        return .map(["type": "object"]).adding(description)
            .adding(required.isEmpty ? .map([:]) : .map(["required": .texts(required)]))
            .adding(["properties": FieldTree(.map(properties))])
    }
}

/// A column of `kubectl get`, much as `etcd-operator get` has it; there a column can show one field
/// only, so the members that serve and those that are wanted are two.
package struct PrinterColumn: Sendable {
    let name: String
    let type: String
    package let path: FieldPath
    /// Shown with `-o wide` only.
    let isWide: Bool

    package static let all = [
        PrinterColumn("Ready", "integer", "status.readyReplicas"),
        PrinterColumn("Wanted", "integer", "spec.replicas"),
        PrinterColumn("Status", "string", "status.phase"),
        PrinterColumn("Leader", "string", "status.leader"),
        PrinterColumn("Revision", "integer", "status.revision"),
        PrinterColumn("DB Size", "integer", "status.dbSize"),
        PrinterColumn("Version", "string", "status.version"),
        PrinterColumn("Engine", "string", "spec.engine.type", isWide: true),
        PrinterColumn("Cluster ID", "string", "status.clusterID", isWide: true),
        PrinterColumn("Endpoints", "string", "status.endpoints", isWide: true),
        PrinterColumn("Age", "date", "metadata.creationTimestamp"),
    ]

    private init(_ name: String, _ type: String, _ path: String, isWide: Bool = false) {
        self.name = name
        self.type = type
        self.path = FieldPath(parsing: path)
        self.isWide = isWide
    }

    var tree: FieldTree {
        let tree: FieldTree = .map([
            "name": .text(name), "type": .text(type), "jsonPath": .text(".\(path)"),
        ])
        return isWide ? tree.adding(["priority": 1]) : tree
    }
}
