package import Raft

extension WAL {
    /// How far a log's commit index was raised.
    package struct Raise: Hashable, Sendable {
        /// The hard state before.
        package let before: HardState
        /// Index and term of the last entry, or of the marker that the log begins with: now all of
        /// it is committed.
        package let lastIndex: LogIndex
        package let lastTerm: Term

        /// The entries that were not known to be committed.
        package var entries: UInt64 {
            lastIndex.rawValue - min(before.commit, lastIndex).rawValue
        }
    }

    /// Counts every entry of a log as committed, by one more state at its end, as an election among
    /// the survivors would commit them if this is the newest log of all.
    ///
    /// Only for a copy of the log of a cluster whose majority is lost: where the majority lives, it
    /// may have decided otherwise. Real etcd drops what is above the commit index when it is
    /// started with `--force-new-cluster`, acknowledged or not; so this comes before.
    ///
    /// Durable when it returns, and nothing or all of it after a crash. A torn write at the end is
    /// cut off, as by any opening of the log.
    @discardableResult
    package static func raiseCommit(
        on disk: any Disk,
        directory: String,
        segmentSize: Int64 = defaultSegmentSize
    ) throws(WALError) -> Raise {
        let (wal, contents) = try open(
            on: disk,
            directory: directory,
            segmentSize: segmentSize
        )
        defer { wal.close() }
        let raise = Raise(
            before: contents.hardState,
            lastIndex: contents.lastIndex,
            lastTerm: contents.entries.last?.term ?? contents.marker.term
        )
        guard contents.hardState.commit < contents.lastIndex else { return raise }
        try wal.append([], hardState: contents.stateCommittingAll)
        try wal.sync()
        return raise
    }
}

extension WAL.Contents {
    /// The state by which everything in the log is committed. A crash between an entry and the
    /// state that goes with it leaves a term in which nobody was voted for yet.
    package var stateCommittingAll: HardState {
        var state = hardState
        let lastTerm = entries.last?.term ?? marker.term
        if state.term < lastTerm {
            state.term = lastTerm
            state.vote = .none
        }
        state.commit = max(state.commit, lastIndex)
        return state
    }
}
