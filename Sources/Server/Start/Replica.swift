import EtcdProto
import Keyspace
import Logging
import Member
import Storage

/// A member on its files, with the threads that write them. It is opened when the process starts,
/// and again when a snapshot has taken the place of what the files held.
struct Replica {
    let identity: Identity
    let member: Member
    let store: StoreDirectories
    let log: LogWriter
    let backend: BackendThread

    /// - Parameter isForced: this member becomes all of its cluster before it is opened.
    init(opening plan: Assembly.Plan, isForced: Bool = false) throws(Fatal) {
        let settings = plan.settings
        let mapSize = Quota.mapSize(configured: settings.quotaBackendBytes)
        store = StoreDirectories(in: plan.directory.member, on: plan.disk) {
            directory throws(BackendError) in
            try LMDBBackend(directory: directory, mapSize: mapSize)
        }
        do throws(StartError) {
            let (rows, keyspace, found) = try Startup.open(
                store,
                on: plan.disk,
                directory: plan.directory.log,
                first: plan.first
            )
            let opened = isForced ? try Self.force(found, keyspace, plan) : found
            identity = Identity(
                name: settings.name,
                memberID: opened.memberID,
                clusterID: opened.clusterID
            )
            member = try Member(
                configuration: Self.configuration(settings, identity),
                keyspace: keyspace,
                backend: rows,
                contents: opened.contents,
                logger: plan.logger
            )
            // Came together with the keyspace, but has nothing in common with it.
            nonisolated(unsafe) let wal = opened.wal
            log = LogWriter(
                wal: unsafe wal,
                name: settings.name,
                slowSync: Self.report(to: plan.logger)
            )
            backend = BackendThread(rows)
        } catch {
            throw .start(error)
        }
    }

    /// The words of etcd, which operators and dashboards look for.
    private static func report(to logger: Logger) -> LogWriter.SlowSync {
        LogWriter.SlowSync { seconds in
            logger.warning(
                "slow fdatasync",
                metadata: [
                    "took": "\(Int64(seconds * 1000))ms", "expected-duration": "1s",
                ]
            )
        }
    }

    private static func force(
        _ log: Startup.OpenLog,
        _ keyspace: Keyspace,
        _ plan: Assembly.Plan
    ) throws(StartError) -> Startup.OpenLog {
        let forced = try Startup.force(
            log,
            keyspace,
            peerURLs: plan.settings.initialAdvertisePeerURLs.map(\.description),
            maxLearners: plan.settings.maxLearners,
            on: plan.disk,
            directory: plan.directory.log
        )
        plan.logger.warning(
            """
            forced a new cluster of this member alone; start it without --force-new-cluster from \
            now on
            """,
            metadata: [
                "removed": "\(forced.removed.map(\.description).joined(separator: ","))",
                "entries-taken-for-committed": "\(forced.decidedEntries)",
            ]
        )
        return forced.log
    }

    /// Finishes what is queued for the files and closes them.
    func close() async {
        log.stop()
        await backend.stop()
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
        configuration.hastensFirstElection = settings.hastensFirstElection
        configuration.snapshotCount = settings.snapshotCount
        configuration.catchUpEntries = settings.catchUpEntries
        configuration.maxRequestBytes = settings.maxRequestBytes
        configuration.quotaBackendBytes = settings.quotaBackendBytes
        configuration.autoCompaction = settings.autoCompaction
        configuration.hashesCompactions = settings.compactHashCheck
        configuration.compactionBatchLimit = settings.compactionBatchLimit
        configuration.strictReconfigCheck = settings.strictReconfigCheck
        configuration.maxLearners = settings.maxLearners
        configuration.leaseCheckpoint = settings.leaseCheckpoint
        configuration.leaseCheckpointPersist = settings.leaseCheckpointPersist
        return configuration
    }
}
