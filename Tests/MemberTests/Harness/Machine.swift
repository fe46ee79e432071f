import EtcdProto
import Keyspace
import Logging
import Member
import Raft
import Storage

/// One simulated machine: a disk, a backend, and at times a running member.
final class Machine {
    let name: String
    let id: MemberID
    private(set) var disk = MemoryDisk()
    let backend = MemoryBackend()
    private(set) var member: Member?
    private(set) var wal: WAL?
    /// Counts the runs, so that what an earlier run had planned is known as such.
    private(set) var run = 0
    /// The end of what the log has synced in this run.
    private(set) var syncedIndex = LogIndex.zero
    /// Batches written to the log and not yet synced.
    private var unsynced: [(number: UInt64, lastIndex: LogIndex?)] = []
    var isSyncing = false
    var isBackendDue = false

    private let first: Startup.First
    private let options: WorldOptions

    /// A machine on which nothing has run. `first` is what a member without a log is to do.
    init(_ name: String, _ id: MemberID, _ first: Startup.First, _ options: WorldOptions) {
        self.name = name
        self.id = id
        self.first = first
        self.options = options
    }

    /// Starts a member on what the disks hold.
    func start(at milliseconds: Int) throws {
        run += 1
        backend.reopen()
        let keyspace = try Keyspace(backend: backend)
        let open = try Startup.openLog(
            on: disk,
            directory: "/data/member/wal",
            first: first,
            applied: LogIndex(rawValue: keyspace.consistentIndex),
            segmentSize: options.segmentSize
        )
        var configuration = MemberConfiguration(
            name: name,
            memberID: open.memberID,
            clusterID: open.clusterID,
            peerURLs: ["http://\(name):2380"],
            clientURLs: ["http://\(name):2379"],
            seed: id.rawValue &+ UInt64(run),
            startMilliseconds: UInt64(milliseconds)
        )
        configuration.tickMilliseconds = options.tick
        configuration.snapshotCount = options.snapshotCount
        configuration.catchUpEntries = options.catchUpEntries
        configuration.catchUpBytes = options.catchUpBytes
        configuration.limits.entriesPerTurn = options.entriesPerTurn
        configuration.limits.pendingBytes = options.pendingBytes
        configuration.quotaBackendBytes = options.quotaBytes
        wal = open.wal
        syncedIndex = open.contents.lastIndex
        unsynced = []
        isSyncing = false
        isBackendDue = false
        member = try Member(
            configuration: configuration,
            keyspace: keyspace,
            backend: backend,
            contents: open.contents,
            logger: Logger(label: name) { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Ends the run: the process is killed, or the power goes too.
    func crash(_ tear: MemoryDisk.Tear, seed: UInt64) {
        run += 1
        member = nil
        wal?.close()
        wal = nil
        backend.close()
        disk = disk.afterPowerLoss(seed: seed, tear: tear)
    }

    /// Writes a batch to the log without a sync.
    func write(_ number: UInt64, _ batch: LogBatch) throws {
        guard let wal else { return }
        if let marker = batch.marker { try wal.append(marker) }
        try wal.append(batch.entries, hardState: batch.hardState)
        try wal.flush()
        unsynced.append((number, batch.entries.last?.index))
    }

    var hasUnsynced: Bool {
        !unsynced.isEmpty
    }

    /// Syncs the log; gives the number of the last batch that is durable by that.
    func sync() throws -> UInt64? {
        try wal?.sync()
        for write in unsynced { syncedIndex = write.lastIndex ?? syncedIndex }
        defer { unsynced = [] }
        return unsynced.last?.number
    }
}
