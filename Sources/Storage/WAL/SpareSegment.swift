/// The next segment, zeroed in pieces by a background thread while the present one fills, so that
/// neither beginning it nor writing to it costs a sync that allocates.
///
/// Its pace follows the log's: it begins when a quarter of the segment is used and is done at three
/// quarters, so a log that stands still costs nothing and a member that is idle stays small. It is
/// a different file, so a sync of the log does not wait for all of its zeros, and it is synced in
/// small pieces, so the disk is never busy with it for long.
package final class SpareSegment: Sendable {
    private struct State {
        /// Of the segment being prepared.
        var sequence: UInt64 = 0
        /// How far it should be zeroed by now.
        var target: Int64 = 0
        var file: (any DiskFile)?
        var filled: Int64 = 0
        /// A piece is being written, outside the lock.
        var isBusy = false
        var failure: DiskError?
        var isStopped = false

        /// Whether the next piece is due.
        func isDue(_ segmentSize: Int64) -> Bool {
            failure == nil && filled < target
                && (target - filled >= SpareSegment.piece || target == segmentSize)
        }
    }

    private let disk: any Disk
    private let directory: String
    private let segmentSize: Int64
    private let state = Monitor(State())
    /// Bytes zeroed and synced at a time: what a sync of the log may have to wait for.
    static let piece: Int64 = 256 << 10

    init(disk: any Disk, directory: String, segmentSize: Int64) {
        self.disk = disk
        self.directory = directory
        self.segmentSize = segmentSize
    }

    /// What spoiled the spare, if anything did; the log then makes its next segment itself.
    package var failure: DiskError? {
        state.withLock { $0.failure }
    }

    /// Prepares pieces as they become due, until stopped: the body of the background thread.
    package func run() {
        let segmentSize = segmentSize
        while true {
            let goesOn = state.wait { state -> Bool? in
                if state.isStopped { return false }
                return state.isDue(segmentSize) ? true : nil
            }
            guard goesOn else { return }
            prepareDuePiece()
        }
    }

    /// Ends `run`.
    package func stop() {
        state.withLock { $0.isStopped = true }
        state.signalAll()
    }

    /// Zeroes one piece if one is due; false when none was.
    @discardableResult
    package func prepareDuePiece() -> Bool {
        let segmentSize = segmentSize
        let work = state.withLock { state -> State? in
            guard state.isDue(segmentSize), !state.isBusy, !state.isStopped else { return nil }
            state.isBusy = true
            return state
        }
        guard let work else { return false }
        var file = work.file
        var filled = work.filled
        var failure: DiskError?
        do throws(DiskError) {
            let opened: any DiskFile
            if let file {
                opened = file
            } else {
                opened = try fresh(work.sequence)
                file = opened
            }
            let end = min(filled + Self.piece, segmentSize)
            try Zeros.write(to: opened, from: filled, to: end)
            try opened.sync()
            filled = end
        } catch {
            failure = error
            file?.close()
            file = nil
        }
        state.withLock { state in
            state.file = file
            state.filled = filled
            state.failure = failure
            state.isBusy = false
        }
        state.signalAll()
        return true
    }

    /// Told by the log how far it has come in the segment with that sequence number.
    func tailReached(_ position: Int64, of sequence: UInt64) {
        let target = min(segmentSize, (position - segmentSize / 4) * 2)
        guard target > 0 else { return }
        let segmentSize = segmentSize
        let isDue = state.withLock { state in
            state.sequence = sequence + 1
            state.target = target
            return state.isDue(segmentSize) && !state.isBusy
        }
        if isDue {
            state.signalAll()
        }
    }

    /// The file that becomes the segment with that sequence number, and how far it is zeroed: the
    /// spare as far as it has come, or a new one. Still under its temporary name.
    func take(for sequence: UInt64) throws(DiskError) -> (file: any DiskFile, filled: Int64) {
        let ready = state.wait { state -> State? in
            guard !state.isBusy else { return nil }
            let ready = state
            state = State(isStopped: state.isStopped)
            return ready
        }
        if let file = ready.file, ready.sequence == sequence {
            return (file, ready.filled)
        }
        ready.file?.close()
        return (try fresh(sequence), 0)
    }

    /// Closes what is prepared. The file stays; `WAL.open` removes it.
    func discard() {
        stop()
        let file = state.wait { state -> (any DiskFile)?? in
            guard !state.isBusy else { return nil }
            let file = state.file
            state.file = nil
            return .some(file)
        }
        file?.close()
    }

    private func fresh(_ sequence: UInt64) throws(DiskError) -> any DiskFile {
        let path = Path.join(directory, "\(sequence).tmp")
        try disk.removeAll(path)
        return try disk.open(path, .create)
    }
}
