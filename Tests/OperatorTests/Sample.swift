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
                .init(number: $0, clientPort: basePort + $0 * 2, peerPort: basePort + 1 + $0 * 2)
            },
            source: "/specs/orders.yaml"
        )
        record.phase = phase
        return record
    }
}
