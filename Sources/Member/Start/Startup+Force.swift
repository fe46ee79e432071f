package import EtcdProto
package import Keyspace
import Raft
package import Storage

// One member as all that is left of a cluster (`--force-new-cluster`).
//
// The cluster stays what it is, with its id, its keys and its revisions; only who belongs to it
// changes, by ordinary entries of the log:
//
//     entry 8 | state commit 7 | entry 9      what the survivor holds; 8 and 9 may be acknowledged
//     remove b | remove c | state commit 11   what forcing writes, with one sync
//
// The last record decides. Without it, after a crash, the log has some more entries that nobody has
// committed: a start without the flag goes on as a member of the cluster it knew, and one with the
// flag finds the entries and takes them for committed as all others.
extension Startup {
    /// What forcing a cluster did to its log.
    package struct Forced {
        package let log: OpenLog
        /// Who does not belong to it any more.
        package let removed: [MemberID]
        /// How many entries were not known to be committed.
        package let decidedEntries: UInt64
    }

    /// Makes the owner of a log the only member of its cluster, and commits all that the log holds.
    /// Done again, it changes nothing. What it returns is durable.
    ///
    /// - Parameters:
    ///   - peerURLs: where peers find the member, should its own log not have got so far as to say.
    ///   - maxLearners: as the member is started with; see `Membership.problem`.
    package static func force(
        _ log: OpenLog,
        _ keyspace: Keyspace,
        peerURLs: [String],
        maxLearners: Int,
        on disk: any Disk,
        directory: String,
        segmentSize: Int64 = WAL.defaultSegmentSize
    ) throws(StartError) -> Forced {
        let contents = log.contents
        guard contents.lastIndex > .zero else { throw .nothingToForce(directory: directory) }
        let state = try RecoveredState(contents: contents, keyspace: keyspace)
        var membership = state.membership
        for entry in contents.entries where entry.index > state.applied {
            membership.foresee(entry, maxLearners: maxLearners)
        }
        let changes = try membership.changesToBeAlone(log.memberID, peerURLs: peerURLs)
        var hardState = contents.stateCommittingAll
        let decided = contents.lastIndex.rawValue - state.log.hardState.commit.rawValue
        var entries: [Entry] = []
        for change in changes {
            hardState.commit = hardState.commit + 1
            entries.append(
                Entry(
                    term: hardState.term,
                    index: hardState.commit,
                    kind: .confChange,
                    data: change.confChange(id: 0).encoded()
                )
            )
        }
        if hardState != contents.hardState {
            do throws(WALError) {
                try log.wal.append(entries, hardState: hardState)
                try log.wal.sync()
            } catch {
                throw .log(error)
            }
        }
        log.wal.close()
        return Forced(
            log: try openLog(
                on: disk,
                directory: directory,
                first: nil,
                applied: state.applied,
                segmentSize: segmentSize
            ),
            removed: changes.compactMap { change in
                if case .remove(let id) = change { id } else { nil }
            },
            decidedEntries: decided
        )
    }
}

extension Membership {
    /// What becomes of it when an entry is applied, as `Member.applyChange` does it.
    fileprivate mutating func foresee(_ entry: Entry, maxLearners: Int) {
        guard entry.kind == .confChange, let proposed = try? ConfChange(decoding: entry.data),
            let change = try? MembershipChange(proposed),
            problem(with: change, maxLearners: maxLearners) == nil
        else { return }
        apply(change)
    }

    /// The changes after which this is the only member. It comes in before the others go, since a
    /// group always has a voter.
    fileprivate func changesToBeAlone(
        _ id: MemberID,
        peerURLs: [String]
    ) throws(StartError) -> [MembershipChange] {
        guard !isRemoved(id) else { throw .removed(id) }
        var changes: [MembershipChange] = []
        if let own = member(id) {
            if own.isLearner { changes.append(.promote(id)) }
        } else {
            let own = MembershipChange.add(MemberInfo(id: id, peerURLs: peerURLs))
            guard problem(with: own, maxLearners: .max) == nil else {
                throw .addressTaken(id, peerURLs: peerURLs)
            }
            changes.append(own)
        }
        return changes + members.filter { $0.id != id }.map { .remove($0.id) }
    }
}
