import Chance
import Member
import Raft
import Storage

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
                // One that was taken stands for the whole log.
                durable.lastIndex =
                    marker.index == taken ? marker.index : max(durable.lastIndex, marker.index)
            }
            if let last = batch.entries.last { durable.lastIndex = last.index }
        }
        unsynced = []
        return number
    }

    /// Writes and syncs all that is queued.
    func finishWriting() throws(WALError) {
        guard wal != nil else { return }
        _ = try sync()
        while hasWork {
            if case .needsSync = try beginWriting() { _ = try sync() }
        }
    }
}
