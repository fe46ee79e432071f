package import ClusterAPI

/// The fields of a spec that are fixed when members are launched. All others act at once.
///
/// Only a roll-out may change them (safety rule 35), so a difference is reported, never ignored.
package struct SpecField: Sendable {
    package let path: String
    private let value: @Sendable (ClusterSpec) -> String

    private init(_ path: String, _ value: @escaping @Sendable (ClusterSpec) -> String) {
        self.path = path
        self.value = value
    }

    package static let latched: [SpecField] = [
        SpecField("spec.engine") { $0.engine.summary },
        SpecField("spec.storage.quota") { "\($0.storage.quota)" },
        SpecField("spec.settings.heartbeatInterval") { $0.settings.heartbeatInterval.text },
        SpecField("spec.settings.electionTimeout") { $0.settings.electionTimeout.text },
        SpecField("spec.settings.snapshotCount") { "\($0.settings.snapshotCount)" },
        SpecField("spec.settings.maxRequestBytes") { "\($0.settings.maxRequestBytes)" },
        SpecField("spec.settings.extraArgs") { spec in
            "{\(spec.settings.extraArgs.map { "\($0.name): \($0.value)" }.joined(separator: ", "))}"
        },
        SpecField("spec.network.address") { $0.network.address },
        SpecField(basePort) { "\($0.network.basePort)" },
    ]

    /// One field with the value that runs and the value that is wanted.
    package struct Difference: Hashable, Sendable {
        package let path: String
        package let applied: String
        package let wanted: String
    }

    /// What is wanted otherwise than it was when the members were launched.
    package static func differences(from record: ClusterRecord, to new: ClusterSpec) -> [Difference]
    {
        latched.compactMap { field in
            let (applied, wanted) = (field.value(record.applied.spec), field.value(new))
            if applied == wanted { return nil }
            // Ports that the operator chose may be named, or named ones left to it: they stay.
            if field.path == basePort, ["0", "\(record.basePort)"].contains(wanted) { return nil }
            return Difference(path: field.path, applied: applied, wanted: wanted)
        }
    }

    private static let basePort = "spec.network.basePort"
}

extension ClusterRecord {
    fileprivate var basePort: Int { slots.map(\.clientPort).min() ?? 0 }
}

extension ClusterSpec.Engine {
    /// For messages: `embedded 3.6`, `etcd at /usr/bin/etcd`.
    package var summary: String {
        switch self {
        case .embedded(let compatibility): "embedded \(compatibility)"
        case .etcd(let version?, let binary): "etcd \(version) at \(binary)"
        case .etcd(nil, let binary): "etcd at \(binary)"
        }
    }
}
