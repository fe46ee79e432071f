import EtcdProto
import Keyspace
import Raft
import Storage

/// What is true when a member starts: group and membership as of the backend's consistent index,
/// everything later from the log, by applying it again.
struct RecoveredState {
    let log: MemoryLog
    let applied: LogIndex
    let membership: Membership
    let confState: ConfState

    init(contents: WAL.Contents, keyspace: Keyspace) throws(StartError) {
        applied = LogIndex(rawValue: keyspace.consistentIndex)
        guard contents.lastIndex >= applied else {
            throw .logTooShort(last: contents.lastIndex, applied: applied)
        }
        guard contents.marker.index <= applied else {
            throw .logTooNew(marker: contents.marker.index, applied: applied)
        }
        membership = try Membership(restoring: keyspace)
        confState = try Membership.confState(of: keyspace) ?? membership.confState
        // Of the commit index a crash may have kept less than the backend has applied.
        var hardState = contents.hardState
        hardState.commit = max(hardState.commit, applied)
        invariant(
            hardState.commit <= contents.lastIndex,
            "the log ends at \(contents.lastIndex) and was opened with commit \(hardState.commit)"
        )
        log = MemoryLog(
            snapshot: Snapshot(
                confState: confState,
                index: contents.marker.index,
                term: contents.marker.term
            ),
            hardState: hardState
        )
        log.append(contents.entries)
    }
}
