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
    let clientPort: ClientPort
    let peerPort: PeerPort
    let log: LogWriter
    let backend: BackendThread

    init(_ plan: Plan) throws(Fatal) {
        let settings = plan.settings
        let store = try Self.openStore(plan)
        let keyspace: Keyspace
        do throws(KeyspaceError) {
            keyspace = try Keyspace(backend: store)
        } catch {
            throw .keyspace(error)
        }
        let opened: Startup.OpenLog
        let member: Member
        do throws(StartError) {
            opened = try Startup.openLog(
                on: plan.disk,
                directory: plan.directory.log,
                first: plan.first,
                applied: LogIndex(rawValue: keyspace.consistentIndex)
            )
            identity = Identity(
                name: settings.name,
                memberID: opened.memberID,
                clusterID: opened.clusterID
            )
            member = try Member(
                configuration: Self.configuration(settings, identity),
                keyspace: keyspace,
                backend: store,
                contents: opened.contents,
                logger: plan.logger
            )
        } catch {
            throw .start(error)
        }
        try plan.directory.stamp(identity)
        log = LogWriter(wal: opened.wal, name: settings.name)
        backend = BackendThread(store)
        loop = MemberLoop(
            eventLoop: plan.eventLoop,
            member: member,
            identity: PeerIdentity(
                memberID: opened.memberID,
                clusterID: opened.clusterID,
                version: settings.announced.peer,
                peerURLs: settings.initialAdvertisePeerURLs.map(\.description)
            ),
            log: log,
            backend: backend,
            logger: plan.logger,
            onFatal: plan.onFatal
        )
        let logger = plan.logger
        loop.onReady = { logger.info("ready to serve client requests") }
        peerPort = PeerPort(PeerEndpoints(loop: loop, announced: settings.announced))
        clientPort = Self.makeClientPort(loop, settings)
    }

    func start(_ remotes: [MemberInfo]) {
        loop.start()
        for remote in remotes { loop.transport.addRemote(remote.id, urls: remote.peerURLs) }
    }

    private static func openStore(_ plan: Plan) throws(Fatal) -> LMDBBackend {
        do throws(BackendError) {
            return try LMDBBackend(
                directory: plan.directory.store,
                mapSize: Quota.mapSize(configured: plan.settings.quotaBackendBytes)
            )
        } catch {
            throw .backend(error)
        }
    }

    private static func configuration(
        _ settings: Settings,
        _ identity: Identity
    ) -> MemberConfiguration {
        let now = UInt64(clamping: WallClock.milliseconds())
        var configuration = MemberConfiguration(
            name: settings.name,
            memberID: identity.memberID,
            clusterID: identity.clusterID,
            peerURLs: settings.initialAdvertisePeerURLs.map(\.description),
            clientURLs: settings.advertiseClientURLs.map(\.description),
            seed: identity.memberID.rawValue ^ now,
            startMilliseconds: now
        )
        configuration.serverVersion = settings.announced.client
        configuration.tickMilliseconds = settings.heartbeatMilliseconds
        configuration.electionTicks = settings.electionMilliseconds / settings.heartbeatMilliseconds
        configuration.preVote = settings.preVote
        configuration.snapshotCount = settings.snapshotCount
        configuration.maxRequestBytes = settings.maxRequestBytes
        configuration.quotaBackendBytes = settings.quotaBackendBytes
        configuration.strictReconfigCheck = settings.strictReconfigCheck
        configuration.maxLearners = settings.maxLearners
        return configuration
    }

    private static func makeClientPort(_ loop: MemberLoop, _ settings: Settings) -> ClientPort {
        let calls = ServiceCalls(loop: loop)
        let router = EtcdRouter(
            kv: KVService(calls, maxOperations: settings.maxTransactionOperations),
            cluster: ClusterService(calls),
            maintenance: MaintenanceService(calls, announced: settings.announced)
        )
        var configuration = GRPCServerConfiguration(router: router)
        // As much more than a request as etcd allows for what goes around it.
        configuration.maxReceiveMessageSize = settings.maxRequestBytes + (512 << 10)
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
