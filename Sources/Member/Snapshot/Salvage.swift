package import EtcdProto
package import Keyspace
package import Logging
import Raft
package import Storage

/// A member's keyspace with all that its log holds, committed or not: what is left of a cluster
/// whose majority is lost.
///
/// It works on a copy of the member's files, and without the others: an entry that nobody knows to
/// be committed may have been acknowledged by those that are lost, and if this is the newest log of
/// the survivors, an election among them would commit it.
package struct Salvage {
    package let memberID: MemberID
    package let clusterID: ClusterID
    /// What the log's end is, and how far it was known to be committed.
    package let raise: WAL.Raise
    /// All of it is applied, and durable in the backend.
    package let keyspace: Keyspace
    package let backend: any Backend

    /// Raises the commit index of the log in `directory` to its end, and applies it. After a crash
    /// it may simply be done again.
    package init(
        _ store: StoreDirectories,
        on disk: any Disk,
        log directory: String,
        logger: Logger
    ) throws(StartError) {
        do {
            raise = try WAL.raiseCommit(on: disk, directory: directory)
        } catch {
            throw .log(error)
        }
        let (backend, keyspace, log) = try Startup.open(
            store,
            on: disk,
            directory: directory,
            first: nil
        )
        log.wal.close()
        self.backend = backend
        self.keyspace = keyspace
        (memberID, clusterID) = (log.memberID, log.clusterID)
        do throws(StartError) {
            let member = try Member(
                configuration: Self.configuration(log),
                keyspace: keyspace,
                backend: backend,
                contents: log.contents,
                logger: logger
            )
            do throws(BackendError) {
                try member.replay()
            } catch {
                throw .backend(error)
            }
            guard member.appliedIndex == raise.lastIndex else {
                throw .logTooShort(last: member.appliedIndex, applied: raise.lastIndex)
            }
        } catch {
            backend.close()
            throw error
        }
    }

    /// Of a member that only applies. Its rows are the same whatever the cluster's version is, and
    /// a quota would hold nothing back that is in the log.
    private static func configuration(_ log: Startup.OpenLog) -> MemberConfiguration {
        var configuration = MemberConfiguration(
            name: "",
            memberID: log.memberID,
            clusterID: log.clusterID,
            peerURLs: [],
            clientURLs: [],
            seed: 1,
            startMilliseconds: 0
        )
        configuration.serverVersion = ServerVersion(major: .max, minor: 0)
        configuration.quotaBackendBytes = -1
        return configuration
    }
}

extension Salvage {
    /// Writes the keyspace into an empty file as a client's `snapshot save` does, with its checksum
    /// behind it, and makes it durable. Then the file is read again from its first page on, and
    /// must hold what the keyspace holds.
    package func write(to file: any DiskFile) throws(SnapshotError) -> SnapshotStatus {
        let view: any BackendView
        do {
            view = try backend.openView()
        } catch {
            throw .backend(error)
        }
        defer { view.close() }
        let summary = try SnapshotFile.write(view, to: file)
        let isRight: Bool
        do throws(DiskError) {
            try SnapshotChecksum.append(to: file)
            try file.sync()
            isRight = try SnapshotChecksum(of: file) == .right
        } catch {
            throw .file(.disk(error))
        }
        let rows = try SnapshotView(of: file)
        do throws(BackendError) {
            guard isRight, summary.consistentIndex == raise.lastIndex,
                try StoreHash.run(on: rows) == StoreHash.run(on: view)
            else { throw Self.misread(file) }
        } catch {
            throw .backend(error)
        }
        return try SnapshotStatus(of: file)
    }

    private static func misread(_ file: any DiskFile) -> BackendError {
        BackendError(
            kind: .ioFailure,
            operation: "read again",
            path: file.path,
            detail: "it does not hold what was written to it"
        )
    }
}
