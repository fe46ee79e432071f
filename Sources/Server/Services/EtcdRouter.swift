import GRPC

/// The gRPC methods of a member. What etcd has and this does not is answered as grpc-go answers
/// for an unknown service or method.
final class EtcdRouter: GRPCRouter {
    private let kv: KVService
    private let watch: WatchService
    private let cluster: ClusterService
    private let maintenance: MaintenanceService
    private let lease: LeaseService

    private static let services = [
        "etcdserverpb.KV", "etcdserverpb.Watch", "etcdserverpb.Cluster", "etcdserverpb.Maintenance",
        "etcdserverpb.Lease",
    ]

    init(
        kv: KVService,
        watch: WatchService,
        cluster: ClusterService,
        maintenance: MaintenanceService,
        lease: LeaseService
    ) {
        self.kv = kv
        self.watch = watch
        self.cluster = cluster
        self.maintenance = maintenance
        self.lease = lease
    }

    func method(_ path: String) -> GRPCMethod? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty else { return nil }
        return switch parts[1] {
        case "etcdserverpb.KV": kv.method(parts[2])
        case "etcdserverpb.Watch": watch.method(parts[2])
        case "etcdserverpb.Cluster": cluster.method(parts[2])
        case "etcdserverpb.Maintenance": maintenance.method(parts[2])
        case "etcdserverpb.Lease": lease.method(parts[2])
        default: nil
        }
    }

    func hasService(_ name: String) -> Bool {
        Self.services.contains(name)
    }
}
