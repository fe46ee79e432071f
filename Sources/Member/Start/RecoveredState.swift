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

    /// Whether an entry that is applied has given the cluster a higher version than it has now. It
    /// was to be cut off the log, but a crash came before.
    var holdsHigherVersion: Bool {
        guard let cluster = membership.clusterVersion else { return false }
        return clusterVersions(from: log.firstIndex, to: applied).contains { $0 > cluster }
    }

    /// Refuses to go on in a cluster whose version is above this member's, unless the log, from
    /// which the backend has not taken everything yet, brings the version down.
    func refuseNewerCluster(than own: ServerVersion) throws(StartError) {
        guard let cluster = membership.clusterVersion, cluster > own.withoutPatch else { return }
        let next = clusterVersions(from: applied + 1, to: log.lastIndex)
        guard next.contains(where: { $0 <= own }) else {
            throw .versionTooLow(own: own, cluster: cluster)
        }
    }

    /// Those that entries of the log give to the cluster.
    private func clusterVersions(from first: LogIndex, to last: LogIndex) -> [ServerVersion] {
        guard first <= last else { return [] }
        do {
            return try log.entries(from: first, to: last + 1).compactMap { entry in
                entry.kind == .normal ? EntryCommand.clusterVersion(in: entry.data) : nil
            }
        } catch {
            fatalError("the log does not have what it says: \(error)")
        }
    }
}
