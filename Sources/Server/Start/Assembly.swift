import EtcdProto
import GRPC
import Keyspace
import Logging
import Member
import NIOCore
import Raft
import Storage

/// The parts of a member, put together on its event loop.
final class Assembly {
    /// All that is known before the first file is opened.
    struct Plan: Sendable {
        let settings: Settings
        let directory: DataDirectory
        let disk: any Disk
        /// What to do without a log; nil when there is one.
        let first: Startup.First?
        /// Members of the cluster that is joined.
        let remotes: [MemberInfo]
        let eventLoop: any EventLoop
        let logger: Logger
        let onFatal: @Sendable (Fatal) -> Void
    }

    let identity: Identity
    let loop: MemberLoop
    let watches: WatchService
    let clientPort: ClientPort
    let peerPort: PeerPort
    let monitor: CorruptionMonitor
    private let readyTime: TimeAmount

    init(_ plan: Plan) throws(Fatal) {
        let settings = plan.settings
        // A log that was only just begun needs no force; nor does one that has been forced, and is
        // opened anew when others belong to the cluster again.
        let isForced = settings.forcesNewCluster && plan.first == nil
        let replica = try Replica(opening: plan, isForced: isForced)
        identity = replica.identity
        try plan.directory.stamp(identity)
        loop = MemberLoop(
            eventLoop: plan.eventLoop,
            replica: replica,
            reopen: { () throws(Fatal) in try Replica(opening: plan) },
            identity: PeerIdentity(
                memberID: identity.memberID,
                clusterID: identity.clusterID,
                version: settings.announced.peer,
                peerURLs: settings.initialAdvertisePeerURLs.map(\.description)
            ),
            spool: SnapshotSpool(directory: plan.directory.snapshots, disk: plan.disk),
            logger: plan.logger,
            onFatal: plan.onFatal
        )
        monitor = CorruptionMonitor(
            loop,
            interval: .nanoseconds(settings.corruptCheckNanoseconds),
            compactionInterval: .nanoseconds(
                settings.compactHashCheck ? settings.compactHashCheckNanoseconds : 0
            )
        )
        let logger = plan.logger
        let initDaemon = settings.initDaemon
        loop.onReady = {
            logger.info("ready to serve client requests")
            initDaemon?.notifyReady(logger)
        }
        readyTime = .nanoseconds(settings.readyNanoseconds)
        peerPort = PeerPort(PeerEndpoints(loop: loop, announced: settings.announced))
        let calls = ServiceCalls(loop: loop)
        watches = WatchService(
            calls,
            maxRequestBytes: Self.maxMessageBytes(settings),
            progressNanoseconds: settings.watchProgressNanoseconds
        )
        clientPort = Self.makeClientPort(calls, watches, settings)
    }

    func start(_ remotes: [MemberInfo]) {
        loop.start()
        monitor.start()
        for remote in remotes { loop.transport.addRemote(remote.id, urls: remote.peerURLs) }
        loop.eventLoop.assumeIsolated().scheduleTask(in: readyTime) { self.promiseToServe() }
    }

    /// A cluster without a quorum may come back when others are started, and whoever starts them
    /// may wait for this one's word first.
    private func promiseToServe() {
        guard !loop.isStopped, let ready = loop.onReady else { return }
        loop.logger.warning("timed out waiting for the ready notification")
        loop.onReady = nil
        ready()
    }

    /// As much more than a request as etcd allows for what goes around it.
    private static func maxMessageBytes(_ settings: Settings) -> Int {
        settings.maxRequestBytes + (512 << 10)
    }

    private static func makeClientPort(
        _ calls: ServiceCalls,
        _ watches: WatchService,
        _ settings: Settings
    ) -> ClientPort {
        let loop = calls.loop
        let router = EtcdRouter(
            kv: KVService(calls, maxOperations: settings.maxTransactionOperations),
            watch: watches,
            cluster: ClusterService(calls),
            maintenance: MaintenanceService(calls, announced: settings.announced),
            lease: LeaseService(calls)
        )
        var configuration = GRPCServerConfiguration(router: router)
        configuration.maxReceiveMessageSize = maxMessageBytes(settings)
        configuration.maxConcurrentStreams = settings.maxConcurrentStreams
        configuration.keepalive.minTime = .nanoseconds(settings.keepaliveMinimumNanoseconds)
        configuration.keepalive.timeout = .nanoseconds(settings.keepaliveTimeoutNanoseconds)
        if settings.keepaliveIntervalNanoseconds > 0 {
            configuration.keepalive.time = .nanoseconds(settings.keepaliveIntervalNanoseconds)
        }
        return ClientPort(
            configuration: configuration,
            endpoints: HealthEndpoints(loop: loop, announced: settings.announced),
            eventLoop: loop.eventLoop
        )
    }
}
