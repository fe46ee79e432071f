import Chance
package import EtcdProto
package import Keyspace
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
    package let backend = MemoryBackend()
    package private(set) var member: Member?
    package private(set) var wal: WAL?
    /// What is durable in the log.
    private(set) var durable = DurableState()
    /// The log begins behind this.
    private(set) var cutAt = LogIndex.zero
    var isBackendDue = false
    /// A bit of its log was flipped: if it does not start any more, that is right.
    private(set) var isRotten = false
    /// It has not been started since.
    private var wasJustDamaged = false
    /// It will never run again: its log is damaged, or its member was removed.
    var isGone = false
    private var runCount = 0

    private enum Work {
        case batch(number: UInt64, LogBatch)
        case release(before: LogIndex)
    }

    private var queue: [Work] = []
    /// The end of the log's tail after the last sync, and after the one before.
    private var syncedEnd: (segment: String, offset: Int64) = ("", 0)
    private var stableEnd: (segment: String, offset: Int64) = ("", 0)
    /// Written and not yet synced.
    private var unsynced: [(number: UInt64, batch: LogBatch)] = []

    private let first: Startup.First
    private let options: WorldOptions

    static let logDirectory = "/data/member/wal"

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

    /// Starts a member on what the disks hold.
    func start(at milliseconds: Int) throws {
        runCount += 1
        backend.reopen()
        if options.bugs.contains(.appliesTwice) { forgetApplied() }
        let keyspace = try Keyspace(backend: backend)
        let open = try Startup.openLog(
            on: disk,
            directory: Self.logDirectory,
            first: first,
            applied: LogIndex(rawValue: keyspace.consistentIndex),
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
        wal = open.wal
        durable = found
        cutAt = open.contents.marker.index
        queue = []
        unsynced = []
        isBackendDue = false
        syncedEnd = ("", 0)
        stableEnd = ("", 0)
        member = try Member(
            configuration: configuration(open, at: milliseconds),
            keyspace: keyspace,
            backend: backend,
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
        configuration.limits.entriesPerTurn = options.entriesPerTurn
        configuration.limits.pendingBytes = options.pendingBytes
        configuration.quotaBackendBytes = options.quotaBytes
        configuration.preVote = options.preVote
        configuration.strictReconfigCheck = options.strictReconfigCheck
        configuration.plantedBugs = options.bugs
        return configuration
    }

    /// Ends the run: the process is killed, or the power goes too. A killed process leaves what it
    /// wrote with the system: not yet durable, but there for the next run.
    func crash(_ tear: MemoryDisk.Tear, seed: UInt64) {
        member = nil
        wal?.close()
        wal = nil
        backend.close()
        if tear != .everything || disk.isCrashed {
            disk = disk.afterPowerLoss(seed: seed, tear: tear == .everything ? nil : tear)
        }
    }

    /// A planted bug: the index of the last applied entry is lost, the state is not.
    private func forgetApplied() {
        var batch = WriteBatch(number: 1)
        batch.writes.append(
            WriteBatch.Write(bucket: .meta, key: MetaKey.consistentIndex, value: nil)
        )
        batch.writes.append(WriteBatch.Write(bucket: .meta, key: MetaKey.term, value: nil))
        try? backend.commit(batch)
        backend.reopen()
    }
}

// MARK: - The log
extension Machine {
    func enqueue(_ number: UInt64, _ batch: LogBatch) {
        var batch = batch
        if options.bugs.contains(.forgetsVote), let state = batch.hardState {
            batch.hardState = HardState(term: state.term, commit: state.commit)
        }
        queue.append(.batch(number: number, batch))
    }

    func enqueueRelease(before index: LogIndex) {
        cutAt = max(cutAt, index)
        queue.append(.release(before: index))
    }

    var isWriting: Bool { !unsynced.isEmpty }

    var hasWork: Bool { !queue.isEmpty }

    /// What beginning to write comes to.
    enum Begun {
        case nothing
        /// A sync has to follow.
        case needsSync
        /// Only a commit index was written, up to this batch, which needs none.
        case done(number: UInt64)
    }

    /// Writes what is queued, up to the next removal of old segments; nothing may be unsynced.
    func beginWriting() throws(WALError) -> Begun {
        guard let wal else { return .nothing }
        while case .release(let index)? = queue.first {
            queue.removeFirst()
            try wal.release(before: index)
        }
        var mustSync = false
        while case .batch(let number, let batch)? = queue.first {
            queue.removeFirst()
            if let marker = batch.marker { try wal.append(marker) }
            try wal.append(batch.entries, hardState: batch.hardState)
            mustSync = mustSync || batch.mustSync || batch.marker != nil
            unsynced.append((number, batch))
        }
        guard let last = unsynced.last else { return .nothing }
        try wal.flush()
        if mustSync { return .needsSync }
        unsynced = []
        return .done(number: last.number)
    }

    /// A place in the log whose damage must be noticed: synced, and not by the last sync.
    func spotToRot(_ random: UInt64) -> (path: String, offset: Int64, bit: Int)? {
        guard let wal, let names = try? disk.list(Self.logDirectory) else { return nil }
        let segments = names.filter { $0.hasSuffix(".wal") }
        guard let last = segments.last else { return nil }
        var choice = Generator(seed: random)
        let segment = choice.pick(segments)
        let path = Self.logDirectory + "/" + segment
        var end = (try? disk.status(path)).flatMap { $0 }?.size ?? 0
        if segment == last { end = wal.tailName == stableEnd.segment ? stableEnd.offset : 0 }
        return end > 0 ? (path, Int64(choice.below(Int(end))), choice.below(8)) : nil
    }

    /// Flips a bit of the log, while no process runs and nothing is unsynced.
    func damage(_ spot: (path: String, offset: Int64, bit: Int)) -> Bool {
        guard (try? disk.rot(spot.path, at: spot.offset, bit: spot.bit)) != nil else {
            return false
        }
        isRotten = true
        wasJustDamaged = true
        return true
    }

    /// Lets the disk take only so many bytes more.
    func limitSpace(toMore bytes: Int64) {
        disk.setCapacity(.max)
        guard let free = try? disk.freeSpace("/") else { return }
        disk.setCapacity(.max - free + bytes)
    }

    func freeSpace() {
        disk.setCapacity(.max)
    }

    /// Syncs what was written; gives the number of the last batch that is durable by that.
    func sync() throws(WALError) -> UInt64? {
        guard let wal, let number = unsynced.last?.number else { return nil }
        let before = syncedEnd
        try wal.sync()
        syncedEnd = (wal.tailName, wal.tailPosition)
        stableEnd = before
        for (_, batch) in unsynced {
            if let state = batch.hardState {
                durable.term = state.term
                durable.vote = state.vote
            }
            if let marker = batch.marker {
                durable.lastIndex = max(durable.lastIndex, marker.index)
            }
            if let last = batch.entries.last { durable.lastIndex = last.index }
        }
        unsynced = []
        return number
    }
}
