package import ClusterAPI

/// A field that two specs of one cluster have otherwise.
package struct SpecDifference: Hashable, Sendable {
    package let path: String
    package let applied: String
    package let wanted: String
    package let convergence: Convergence

    /// What members are launched with, in the schema's order: only a roll-out may change it (safety
    /// rule 35).
    ///
    /// - Parameters:
    ///   - old: Nil: what the record says is applied.
    ///   - record: Whose cluster it is, for what is left to the operator's choice.
    package static func all(
        from old: ClusterSpec? = nil,
        of record: ClusterRecord,
        to new: ClusterSpec
    ) -> [SpecDifference] {
        var applied = EtcdCluster(metadata: Metadata(name: record.name))
        var wanted = applied
        applied.spec = old ?? record.applied.spec
        wanted.spec = new
        // Most often, and every pass asks.
        if applied.spec == new { return [] }
        return Schema.cluster.fields.compactMap { field -> SpecDifference? in
            guard let convergence = Schema.cluster.convergence(of: field.path),
                convergence.isOfLaunch
            else { return nil }
            let difference = SpecDifference(
                path: field.path.description,
                applied: text(of: field, in: applied),
                wanted: text(of: field, in: wanted),
                convergence: convergence
            )
            if difference.applied == difference.wanted { return nil }
            // Ports that the operator chose may be named, or named ones left to it: they stay.
            let bases = [applied, wanted].map(\.spec.network.basePort)
            let areSame = Set(bases.map { $0 == 0 ? record.block : $0 }).count == 1
            return difference.path == "spec.network.basePort" && areSame ? nil : difference
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

extension SpecDifference: CustomStringConvertible {
    package var description: String { "\(path) \(applied) -> \(wanted)" }
}
