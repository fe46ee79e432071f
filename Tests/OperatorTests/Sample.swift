import ClusterAPI
import Planning

/// A record of a cluster of three.
enum Sample {
    static let name = ClusterName(name: "orders")

    static func record(phase: ClusterRecord.Phase, basePort: Int = 23_790) -> ClusterRecord {
        var record = ClusterRecord(
            cluster: EtcdCluster(metadata: Metadata(name: "orders")),
            uid: "00000000000000aa",
            token: "orders-00000000000000aa",
            slots: (0..<3).map {
                .init(address: "127.0.0.1", block: basePort, number: $0)
            },
            source: "/specs/orders.yaml"
        )
        record.phase = phase
        return record
    }
}
