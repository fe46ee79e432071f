package import EtcdProto
package import Keyspace
import Raft
package import Storage

// A snapshot as the beginning of a new cluster (`snapshot restore`).
extension Startup {
    /// What a restore changes of the history that it takes over.
    package struct Rewriting: Hashable, Sendable {
        /// By how much the revision is raised, so that it is certainly above what clients of the
        /// former cluster have seen.
        package var bumpRevision: Int64 = 0
        /// Whether all revisions up to the raised one count as compacted, so that clients that
        /// still watch from there learn of it.
        package var marksCompacted = false

        package init() {}
    }

    /// Gives an empty directory's rows, just loaded from a snapshot, to a member of a new cluster,
    /// and writes the log that goes with them: as if the cluster had been founded with these rows.
    /// All its first members are to be restored from the same file with the same arguments.
    ///
    /// Nothing of the former cluster's members, removed members and version stays. Alarms, leases
    /// and users do. Durable when it returns; a crash before leaves a directory to be thrown away.
    package static func restore(
        _ backend: any Backend,
        loaded summary: SnapshotSummary,
        as cluster: InitialCluster,
        member: MemberID,
        rewriting: Rewriting,
        on disk: any Disk,
        log directory: String
    ) throws(StartError) {
        var batch = WriteBatch(number: 1)
        if rewriting.bumpRevision > 0 {
            let raised = try raise(summary, by: rewriting.bumpRevision)
            batch.records = [WriteBatch.Record(key: raised, value: [])]
            if rewriting.marksCompacted {
                let mark = RecordKey(Revision(main: raised.revision.main)).bytes
                batch.write(.meta, MetaKey.scheduledCompaction, mark)
            }
        }
        for bucket in [Bucket.members, .membersRemoved, .cluster] {
            for key in try keys(of: bucket, in: backend) { batch.write(bucket, key, nil) }
        }
        let membership = Membership(members: cluster.members)
        for write in membership.writesForFounding() {
            batch.write(write.bucket, write.key, write.value)
        }
        let state = cluster.bootstrapState
        batch.write(.meta, MetaKey.consistentIndex, bigEndian(state.commit.rawValue))
        batch.write(.meta, MetaKey.term, bigEndian(state.term.rawValue))
        do {
            try backend.commit(batch)
            try backend.renewReader()
        } catch {
            throw .backend(error)
        }
        do throws(WALError) {
            let wal = try WAL.create(
                on: disk,
                directory: directory,
                metadata: metadata(member, cluster.clusterID)
            )
            defer { wal.close() }
            try wal.append(cluster.bootstrapEntries, hardState: state)
            try wal.save(
                WAL.Marker(index: state.commit, term: state.term, confState: membership.confState)
            )
        } catch {
            throw .log(error)
        }
    }

    /// The last row's key once more, at the raised revision; nothing stands in that row. As etcd
    /// does it.
    private static func raise(
        _ summary: SnapshotSummary,
        by amount: Int64
    ) throws(StartError) -> RecordKey {
        let (main, overflow) = summary.revision.addingReportingOverflow(amount)
        guard !overflow else {
            throw .badRecord(
                bucket: Bucket.key.rawValue,
                key: "\(summary.revision)",
                reason: "the revision cannot be raised by \(amount)"
            )
        }
        return RecordKey(
            Revision(main: main, sub: summary.lastRow?.revision.sub ?? 0),
            isTombstone: summary.lastRow?.isTombstone ?? false
        )
    }

    private static func keys(
        of bucket: Bucket,
        in backend: any Backend
    ) throws(StartError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        do throws(BackendError) {
            try backend.scan(bucket, from: []) { key, _ in
                keys.append([UInt8](copying: key))
                return true
            }
        } catch {
            throw .backend(error)
        }
        return keys
    }

    private static func bigEndian(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: number)
        return bytes
    }
}

extension WriteBatch {
    fileprivate mutating func write(_ bucket: Bucket, _ key: [UInt8], _ value: [UInt8]?) {
        writes.append(Write(bucket: bucket, key: key, value: value))
    }
}
