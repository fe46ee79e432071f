import Glibc
package import Raft

/// The log's own thread: takes everything queued, writes it, syncs once for all, reports back.
///
/// While it is idle its caller may write on its own thread (`writeInline`), which saves a single
/// client two thread changes. A second thread prepares the next segment.
///
/// Must be stopped before the last reference goes.
package final class LogWriter: Sendable {
    package typealias Done = @Sendable (Result<Void, WALError>) -> Void

    private enum Work: Sendable {
        case batch(LogBatch, Done)
        case release(LogIndex, Done)

        var isRelease: Bool {
            if case .release = self { true } else { false }
        }

        var done: Done {
            switch self {
            case .batch(_, let done), .release(_, let done): done
            }
        }
    }

    private struct State {
        var queue: [Work] = []
        /// Somebody writes, outside the lock: only that thread may touch the log.
        var isBusy = false
        var isStopping = false
        var syncs = RecentSyncs()
    }

    private let state = Monitor(State())
    /// Touched only by the thread that set `isBusy`.
    private nonisolated(unsafe) let ownedLog: WAL
    private var wal: WAL { unsafe ownedLog }
    private let spare: SpareSegment
    private let threads: Threads
    private let slowSync: SlowSync?

    /// Who is told of syncs that took long.
    package struct SlowSync: Sendable {
        let seconds: Double
        let tell: @Sendable (Double) -> Void

        /// - Parameters:
        ///   - seconds: A sync is slow that takes longer; etcd's threshold is a second.
        ///   - tell: Called with the time it took, on the thread that waited.
        package init(above seconds: Double = 1, tell: @escaping @Sendable (Double) -> Void) {
            self.seconds = seconds
            self.tell = tell
        }
    }

    /// Starts the threads. The log must not be used by anybody else from now on.
    package init(wal: sending WAL, name: String, slowSync: SlowSync? = nil) {
        self.slowSync = slowSync
        let spare = wal.spare
        self.spare = spare
        unsafe ownedLog = wal
        threads = Threads()
        threads.start(
            SystemThread(name: "\(name)-wal") { [self] in run() },
            SystemThread(name: "\(name)-zero") { spare.run() }
        )
    }

    /// Queues a batch. `done` runs on the log's thread, in the order of the calls, when the batch
    /// is durable (or written, without `mustSync`) or has failed. After `stop` it fails at once,
    /// on the caller's thread.
    package func submit(_ batch: LogBatch, done: @escaping Done) {
        enqueue(.batch(batch, done))
    }

    /// Queues the removal of segments below an index, see `WAL.release`.
    package func release(before index: LogIndex, done: @escaping Done) {
        enqueue(.release(index, done))
    }

    /// Writes a batch on the caller's thread, durable (if it must be) on return. False, with
    /// nothing done, when the log's thread is busy or has work: then submit it.
    package func writeInline(_ batch: LogBatch) throws(WALError) -> Bool {
        let isMine = state.withLock { state in
            guard !state.isBusy, state.queue.isEmpty, !state.isStopping else { return false }
            state.isBusy = true
            return true
        }
        guard isMine else { return false }
        let written = write([batch])
        endOfWork(written.seconds)
        try written.result.get()
        return true
    }

    /// The longest of the last eight syncs, in seconds; 0 before the first.
    package var recentSyncSeconds: Double {
        state.withLock { $0.syncs.longest }
    }

    /// Finishes what is queued, syncs, closes the log and waits for the threads. Not to be called
    /// from a `done`. Calling it again does nothing.
    package func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return }
        state.signalAll()
        spare.stop()
        threads.join()
    }

    private func enqueue(_ work: Work) {
        let (isAccepted, wakes) = state.withLock { state in
            guard !state.isStopping else { return (false, false) }
            state.queue.append(work)
            return (true, !state.isBusy)
        }
        if !isAccepted {
            work.done(.failure(.stopped))
        } else if wakes {
            state.signalAll()
        }
    }

    /// The thread's life.
    private func run() {
        while let works = next() {
            perform(works)
        }
        // Nothing acknowledged waits for this sync; its failure shows when the log is opened.
        _ = try? wal.sync()
        wal.close()
    }

    /// Everything queued; nil when stopped and nothing is left. Marks the log busy.
    private func next() -> [Work]? {
        state.wait { state -> [Work]?? in
            guard !state.isBusy else { return nil }
            if state.queue.isEmpty {
                guard state.isStopping else { return nil }
                state.isBusy = true
                return .some(nil)
            }
            state.isBusy = true
            let works = state.queue
            state.queue = []
            return works
        }
    }

    /// Writes runs of batches with one sync each, and what lies between them.
    private func perform(_ works: [Work]) {
        var seconds: Double?
        var batches: [LogBatch] = []
        var waiting: [Done] = []
        for (position, work) in works.enumerated() {
            if case .batch(let batch, let done) = work {
                batches.append(batch)
                waiting.append(done)
            }
            let isLast = position == works.count - 1
            if !batches.isEmpty, isLast || work.isRelease {
                let written = write(batches)
                seconds = written.seconds ?? seconds
                waiting.forEach { $0(written.result) }
                batches.removeAll()
                waiting.removeAll()
            }
            if case .release(let index, let done) = work {
                done(Result { () throws(WALError) in try wal.release(before: index) })
            }
        }
        endOfWork(seconds)
    }

    /// One write and one sync for all; with the time of the sync, if there was one.
    private func write(
        _ batches: [LogBatch]
    ) -> (result: Result<Void, WALError>, seconds: Double?) {
        var seconds: Double?
        let result = Result { () throws(WALError) in
            for batch in batches {
                if let marker = batch.marker {
                    try wal.append(marker)
                }
                try wal.append(batch.entries, hardState: batch.hardState)
            }
            guard batches.contains(where: { $0.mustSync || $0.marker != nil }) else {
                return try wal.flush()
            }
            let start = monotonicSeconds()
            try wal.sync()
            seconds = monotonicSeconds() - start
        }
        if let seconds, let slowSync, seconds > slowSync.seconds { slowSync.tell(seconds) }
        return (result, seconds)
    }

    private func endOfWork(_ seconds: Double?) {
        let wakes = state.withLock { state in
            if let seconds {
                state.syncs.add(seconds)
            }
            state.isBusy = false
            return !state.queue.isEmpty || state.isStopping
        }
        if wakes {
            state.signalAll()
        }
    }

    private func monotonicSeconds() -> Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
