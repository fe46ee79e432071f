import ClusterAPI

extension EtcdCluster: Printable {
    static func headings(wide: Bool) -> [String] {
        let basic = [
            "NAME", "READY", "STATUS", "LEADER", "REVISION", "DB SIZE", "VERSION",
        ]
        return wide ? basic + ["ENGINE", "CLUSTER ID", "ENDPOINTS"] : basic
    }

    func cells(wide: Bool) -> [String] {
        let basic = [
            metadata.name, readiness, status?.phase ?? "Pending",
            status?.leader ?? "", status?.revision.map { "\($0)" } ?? "",
            status?.dbSize.map { Quantity(bytes: $0).rounded.replacing(" ", with: "") } ?? "",
            status?.version ?? "",
        ]
        guard wide else { return basic }
        let engine =
            switch spec.engine {
            case .embedded: "embedded"
            case .etcd(_, let binary): binary
            }
        let endpoints = status?.endpoints.joined(separator: ",") ?? ""
        return basic + [engine, status?.clusterID ?? "", endpoints]
    }

    var namespace: String { metadata.namespace }

    var reference: String { "etcdcluster/\(metadata.name)" }

    /// Members that serve, of those that are wanted.
    var readiness: String { "\(status?.readyReplicas ?? 0)/\(spec.replicas)" }
}
