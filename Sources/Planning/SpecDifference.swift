package import ClusterAPI

/// A field that is wanted otherwise than the members were launched with it. Only a roll-out may
/// change those (safety rule 35), so a difference is reported, never ignored.
package struct SpecDifference: Hashable, Sendable {
    package let path: String
    package let applied: String
    package let wanted: String

    /// In the schema's order.
    package static func all(from record: ClusterRecord, to new: ClusterSpec) -> [SpecDifference] {
        var applied = EtcdCluster(metadata: Metadata(name: record.name))
        var wanted = applied
        applied.spec = record.applied.spec
        wanted.spec = new
        return Schema.cluster.fields.compactMap { field -> SpecDifference? in
            guard Schema.cluster.convergence(of: field.path) == .atLaunch else { return nil }
            let difference = SpecDifference(
                path: field.path.description,
                applied: text(of: field, in: applied),
                wanted: text(of: field, in: wanted)
            )
            if difference.applied == difference.wanted { return nil }
            // Ports that the operator chose may be named, or named ones left to it: they stay.
            if difference.path == "spec.network.basePort",
                ["0", "\(record.basePort)"].contains(difference.wanted)
            {
                return nil
            }
            return difference
        }
    }

    private static func text(of field: SchemaField, in cluster: EtcdCluster) -> String {
        if let value = field.read(cluster) { return text(value) }
        return if case .texts = field.type { "{}" } else { "absent" }
    }

    private static func text(_ value: FieldTree.Value) -> String {
        switch value {
        case .null: "absent"
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let text), .string(let text): text
        case .list(let items): "[\(items.map { text($0.value) }.joined(separator: ", "))]"
        case .map(let fields):
            "{\(fields.map { "\($0.key): \(text($0.value.value))" }.joined(separator: ", "))}"
        }
    }
}

extension ClusterRecord {
    fileprivate var basePort: Int { slots.map(\.clientPort).min() ?? 0 }
}
