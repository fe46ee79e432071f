import Keyspace
import Logging
import Raft
import Storage

extension Member {
    /// The backend has this batch and all before it.
    package func committed(_ number: UInt64) {
        keyspace.committed(number)
        guard let batch = backendBatch, batch.number <= number else { return }
        durableAppliedIndex = batch.applied
        backendBatch = nil
        compactLog()
    }

    /// Cuts off what is not needed any more, every `snapshotCount` entries, and also when they have
    /// become too large to be kept that long: a marker in the log
    /// says where it begins from now on, then whole segments before it can go.
    private func compactLog() {
        let due = logCompaction.consideredAt + configuration.snapshotCount
        let isLarge = logCompaction.bytesSinceConsidered > configuration.laggardBytes / 4
        let barrier = logCompaction.barrier
        let isBarred = barrier >= log.firstIndex && durableAppliedIndex >= barrier
        guard durableAppliedIndex >= due || isLarge || isBarred else { return }
        // A follower that is being sent a snapshot will need what comes behind it.
        let isFree = snapshotsUnderWay.isEmpty && now >= keepsLogUntil
        guard isFree || isLarge || isBarred else { return }
        logCompaction.consider(at: durableAppliedIndex)
        let target = isBarred ? max(compactionTarget, barrier) : compactionTarget
        guard target >= log.firstIndex, target > logCompaction.startedAt || isBarred else { return }
        let confState = logCompaction.confState(at: target)
        do throws(LogError) {
            let term = try log.term(at: target)
            try log.createSnapshot(index: target, confState: confState, data: [])
            try log.compact(to: target)
            logWrites.stage(WAL.Marker(index: target, term: term, confState: confState))
        } catch {
            fatalError("the log cannot be cut off at \(target): \(error)")
        }
        logCompaction.forget(to: target)
        output.releaseLogBefore = target
        logger.info(
            "compacted the log",
            metadata: ["to": "\(target)", "applied": "\(appliedIndex)"]
        )
    }

    /// The last index to be cut off; 0 when none is.
    private var compactionTarget: LogIndex {
        // Memory is bounded before anything else.
        let forced = min(
            durableAppliedIndex,
            logCompaction.cut(leaving: configuration.laggardBytes)
        )
        guard durableAppliedIndex.rawValue > configuration.catchUpEntries else { return forced }
        let newest = durableAppliedIndex - configuration.catchUpEntries
        let bySize = min(newest, logCompaction.cut(leaving: configuration.catchUpBytes))
        // Only a leader knows what the others have; its own entry among them is far ahead.
        let acknowledged = raft.status.progress.map(\.match).min() ?? bySize
        return max(min(bySize, acknowledged), forced)
    }
}
