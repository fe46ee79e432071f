package import EtcdProto
import Keyspace
import Logging
package import Raft
import Storage

/// Followers that the log cannot help any more.
///
/// Sending: Raft asks for a snapshot in `Turn.snapshots`; the shell sends the keyspace as of the
/// backend's last commit, which is never older than where the log begins, and says by
/// `snapshotSent` how that went. Meanwhile, and for a while after it, the log is not cut off, so
/// that the follower finds what comes behind its snapshot.
///
/// Receiving: the shell makes the rows durable beside the backend, then calls `install`. If Raft
/// takes the snapshot, a marker goes into the log; once that is durable, the member has promised
/// to be what the snapshot says, and `Turn.mustReopen` asks the shell to open it anew from its
/// disks, as a crash at this point would.
extension Member {
    /// Whether a snapshot is newer than what is here: asked before its rows are read.
    package func isNews(_ message: Message) -> Bool {
        guard message.kind == .snapshot, let snapshot = message.snapshot else { return false }
        return snapshot.index > raft.basicStatus.commit && message.term >= raft.basicStatus.term
    }

    /// Offers Raft a snapshot whose rows are durable beside the backend. False when it is of no
    /// use (any more); then the rows can go.
    package func install(_ message: Message) -> Bool {
        guard isNews(message), let snapshot = message.snapshot, installation == .none else {
            return false
        }
        step(message)
        // Raft may have found all of it in its log already.
        guard raft.restoring == snapshot.index else { return false }
        logger.info(
            "installs a snapshot",
            metadata: ["from": "\(message.from)", "index": "\(snapshot.index)"]
        )
        installation = .accepted
        hasNewWork = true
        return true
    }

    /// A snapshot for this member has left, or has not arrived.
    package func snapshotSent(to id: MemberID, failed: Bool) {
        snapshotsUnderWay.removeAll { $0 == id }
        keepsLogUntil = now + configuration.ticks(milliseconds: 30_000)
        raft.reportSnapshot(id.node, failed: failed)
        hasNewWork = true
    }

    /// The member is about to be opened anew: what became of requests under way is not known here.
    package func abandon() {
        for waiter in waiters.takeAll() { waiter.reply(.failure(.timeout)) }
        for reader in reads.takeAll() { reader.reply(.leaderChanged) }
        abandonLeases()
    }

    /// Raft wants a follower to be sent a snapshot.
    func orderSnapshot(_ message: Message) {
        let id = message.to.member
        // One that was ordered in an earlier time as leader may still be on its way. Raft asks
        // again with its next heartbeat.
        guard !snapshotsUnderWay.contains(id) else {
            return raft.reportSnapshot(message.to, failed: true)
        }
        snapshotsUnderWay.append(id)
        output.snapshots.append(message)
        logger.info(
            "a member is too far behind for the log and is sent a snapshot",
            metadata: ["member": "\(id)", "log begins at": "\(log.firstIndex)"]
        )
    }

    /// What Raft has accepted takes the place of the log, and goes to the disk as a marker.
    func replaceLog(by snapshot: Snapshot) {
        do {
            try log.apply(snapshot)
        } catch {
            fatalError("a snapshot at \(snapshot.index) was accepted and does not fit: \(error)")
        }
        installation = .logged(
            logWrites.stage(
                WAL.Marker(
                    index: snapshot.index,
                    term: snapshot.term,
                    confState: snapshot.confState
                )
            )
        )
    }
}

/// How far a snapshot from the leader has got.
enum Installation: Hashable {
    case none
    /// Raft has taken it.
    case accepted
    /// Its marker is in the log's batch of this number.
    case logged(UInt64)
    /// The marker is durable: this member must not apply anything any more.
    case done
}
