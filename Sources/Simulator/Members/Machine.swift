import Chance
package import EtcdProto
import Keyspace
import Logging
package import Member
package import Raft
package import Storage

/// A damaged log was opened, and holds something else than was synced.
struct UnnoticedDamage: Error, CustomStringConvertible {
    let found: DurableState
    let durable: DurableState

    var description: String {
        "its damaged log was opened as \(found), and was synced as \(durable)"
    }
}

/// One simulated machine: a disk, a backend, and at times a running member, with the log written as
/// the log's thread does it: all that is queued in one go, one sync for it, then the next.
package final class Machine {
    package let name: String
    package let id: MemberID
    package private(set) var disk = MemoryDisk()
    /// What the files of its backends stand for.
    let rows = RowArchive()
    package private(set) var backend: RowFile?
    package private(set) var member: Member?
    package private(set) var wal: WAL?
    /// What is durable in the log.
    var durable = DurableState()
    var isBackendDue = false
    /// A bit of its log was flipped: if it does not start any more, that is right.
    var isRotten = false
    /// It has not been started since.
    var wasJustDamaged = false
    /// It will never run again: its log is damaged, or its member was removed.
    var isGone = false
    private var runCount = 0
    /// What its log held when it was last opened.
    private(set) var found: WAL.Contents?

    /// The snapshot that is being received.
    var receiving: Transfer?
    /// The index of the snapshot that Raft has taken, until the member is opened with it.
    var taken: LogIndex?
    /// The member is of no more use, and its files are about to be closed and opened again.
    var isReopening = false
    private var spoolCount = 0

    /// Those who watch its member; it outlives the opening of a snapshot.
    var watches: WatchPost?
    /// When the next tick is due.
    var tickDue = 0
    /// A planted bug is to tell the lessor of time before its member was elected.
    var countsPast = false

    enum Work {
        case batch(number: UInt64, LogBatch)
        case release(before: LogIndex)
    }

    var queue: [Work] = []
    /// The end of the log's tail after the last sync, and after the one before.
    var syncedEnd: (segment: String, offset: Int64) = ("", 0)
    var stableEnd: (segment: String, offset: Int64) = ("", 0)
    /// Written and not yet synced.
    var unsynced: [(number: UInt64, batch: LogBatch)] = []

    private let first: Startup.First
    let options: WorldOptions

    private static let directory = "/data/member"
    private static let spoolDirectory = directory + "/snapshot"
    static let logDirectory = directory + "/wal"

    /// A machine on which nothing has run. `first` is what a member without a log is to do.
    init(_ name: String, _ id: MemberID, _ first: Startup.First, _ options: WorldOptions) {
        self.name = name
        self.id = id
        self.first = first
        self.options = options
    }

    /// The end of what the log has synced in this run.
    package var syncedIndex: LogIndex { durable.lastIndex }
    package var syncedTerm: Term { durable.term }

    /// The places of its keyspace, on the disk as it is now.
    var store: StoreDirectories {
        StoreDirectories(in: Self.directory, on: disk) {
            [disk, rows] directory throws(BackendError) in
            try RowFile(in: directory, on: disk, rows)
        }
    }

    /// Starts a member on what the disks hold.
    func start(at milliseconds: Int) throws {
        runCount += 1
        receiving = nil
        isReopening = false
        try disk.removeAll(Self.spoolDirectory)
        try disk.createDirectory(Self.spoolDirectory)
        if options.bugs.contains(.appliesTwice) { forgetApplied() }
        if options.bugs.contains(.forgetsLeases) { forgetLeases() }
        let (rows, keyspace, open) = try Startup.open(
            store,
            on: disk,
            directory: Self.logDirectory,
            first: first,
            segmentSize: options.segmentSize
        )
        let found = DurableState(
            term: open.contents.hardState.term,
            vote: open.contents.hardState.vote,
            lastIndex: open.contents.lastIndex
        )
        if wasJustDamaged, found != durable {
            open.wal.close()
            throw UnnoticedDamage(found: found, durable: durable)
        }
        wasJustDamaged = false
        taken = nil
        wal = open.wal
        backend = rows as? RowFile
        durable = found
        self.found = open.contents
        queue = []
        unsynced = []
        isBackendDue = false
        syncedEnd = ("", 0)
        stableEnd = ("", 0)
        member = try Member(
            configuration: configuration(open, at: milliseconds),
            keyspace: keyspace,
            backend: rows,
            contents: open.contents,
            logger: Logger(label: name) { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func configuration(
        _ open: Startup.OpenLog,
        at milliseconds: Int
    ) -> MemberConfiguration {
        var configuration = MemberConfiguration(
            name: name,
            memberID: open.memberID,
            clusterID: open.clusterID,
            peerURLs: ["http://\(name):2380"],
            clientURLs: ["http://\(name):2379"],
            seed: id.rawValue &+ UInt64(runCount),
            startMilliseconds: UInt64(milliseconds)
        )
        configuration.tickMilliseconds = options.tick
        configuration.snapshotCount = options.snapshotCount
        configuration.catchUpEntries = options.catchUpEntries
        configuration.catchUpBytes = options.catchUpBytes
        configuration.laggardBytes = options.laggardBytes
        configuration.limits.entriesPerTurn = options.entriesPerTurn
        configuration.limits.pendingBytes = options.pendingBytes
        configuration.quotaBackendBytes = options.quotaBytes
        configuration.preVote = options.preVote
        configuration.strictReconfigCheck = options.strictReconfigCheck
        if let seconds = options.checkpointSeconds {
            configuration.leaseCheckpoint = true
            configuration.leaseCheckpointSeconds = seconds
        }
        configuration.plantedBugs = options.bugs
        return configuration
    }

    /// Ends the run: the process is killed, or the power goes too. A killed process leaves what it
    /// wrote with the system: not yet durable, but there for the next run.
    func crash(_ tear: MemoryDisk.Tear, seed: UInt64) {
        close()
        if tear != .everything || disk.isCrashed {
            disk = disk.afterPowerLoss(seed: seed, tear: tear == .everything ? nil : tear)
        }
    }

    /// Lets go of the member and its files.
    func close() {
        member = nil
        wal?.close()
        wal = nil
        backend?.close()
        backend = nil
        receiving = nil
        isReopening = false
    }

    /// A planted bug: the index of the last applied entry is lost, the state is not.
    private func forgetApplied() {
        var batch = WriteBatch(number: 1)
        batch.writes.append(
            WriteBatch.Write(bucket: .meta, key: MetaKey.consistentIndex, value: nil)
        )
        batch.writes.append(WriteBatch.Write(bucket: .meta, key: MetaKey.term, value: nil))
        guard let rows = try? store.open() else { return }
        try? rows.commit(batch)
        rows.close()
    }

    /// A planted bug: leases are not there any more, their keys are.
    private func forgetLeases() {
        guard let rows = try? store.open() else { return }
        defer { rows.close() }
        var batch = WriteBatch(number: 1)
        try? rows.scan(.lease, from: []) { key, _ in
            let key = key.indices.map { key[$0] }
            batch.writes.append(WriteBatch.Write(bucket: .lease, key: key, value: nil))
            return true
        }
        if !batch.writes.isEmpty { try? rows.commit(batch) }
    }
}

// MARK: - Snapshots
extension Machine {
    /// A new file for a snapshot on its way.
    func createSpoolFile() throws(DiskError) -> any DiskFile {
        spoolCount += 1
        return try disk.open(Self.spoolDirectory + "/\(spoolCount).db", .create)
    }

    /// What cannot be removed goes at the next start.
    func discard(_ file: any DiskFile) {
        file.close()
        _ = try? disk.remove(file.path)
    }
}
