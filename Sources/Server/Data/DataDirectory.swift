package import Storage

/// The files of one member, held by one process at a time.
///
///     <data-dir>/member/lock        flock: who holds it is the member
///     <data-dir>/member/wal/        the write-ahead log, etcd's format
///     <data-dir>/member/store/      the keyspace, LMDB (`Member.StoreDirectories`)
///     <data-dir>/member/snapshot/   files of snapshots on their way; nothing of it is kept
///     <data-dir>/identity.json      name and ids, for people and the operator (see `Identity`)
///     <data-dir>/retired            a stamp: never start from here again
package struct DataDirectory: Sendable {
    package let path: String
    private let disk: any Disk
    /// Released with the last reference, which is when the process ends.
    private let lock: any DiskLock

    package var log: String { path + "/member/wal" }
    /// The directory of all files but the stamps.
    package var member: String { path + "/member" }
    package var snapshots: String { path + "/member/snapshot" }

    /// Whether somebody has begun to use the directory, or has forbidden to.
    package static func exists(_ path: String, on disk: any Disk) throws(Fatal) -> Bool {
        do throws(DiskError) {
            if try disk.status(path + "/member") != nil { return true }
            return try RetiredStamp.read(fromDataDirectory: path, on: disk) != nil
        } catch {
            throw .disk(error)
        }
    }

    /// Makes what is missing and takes the lock. Refuses what is not this program's to use, before
    /// anything in it is opened.
    package init(claiming path: String, on disk: any Disk) throws(Fatal) {
        try Self.refuseRetired(path, disk)
        try Self.refuseUpstream(path, disk)
        try self.init(locking: path, on: disk)
    }

    /// Takes the lock of a copy of somebody's data, to get the keys out of it. No member can start
    /// from it any more, since what is done to it would contradict what other members hold.
    package init(
        salvaging path: String,
        stamp: RetiredStamp,
        on disk: any Disk
    ) throws(Fatal) {
        try Self.refuseUpstream(path, disk)
        do throws(DiskError) {
            guard try WAL.exists(on: disk, directory: path + "/member/wal") else {
                throw DiskError(.notFound, "read", path + "/member/wal", reason: "there is no log")
            }
        } catch {
            throw .disk(error)
        }
        try self.init(locking: path, on: disk)
        do {
            try stamp.write(toDataDirectory: path, on: disk)
        } catch {
            throw .disk(error)
        }
    }

    private init(locking path: String, on disk: any Disk) throws(Fatal) {
        self.path = path
        self.disk = disk
        do throws(DiskError) {
            try disk.createDirectory(path + "/member")
            lock = try disk.lock(path + "/member/lock")
            try disk.removeAll(path + "/member/snapshot")
            try disk.createDirectory(path + "/member/snapshot")
        } catch {
            throw .disk(error)
        }
    }

    private static func refuseRetired(_ path: String, _ disk: any Disk) throws(Fatal) {
        let found: RetiredStamp?
        do throws(DiskError) {
            found = try RetiredStamp.read(fromDataDirectory: path, on: disk)
        } catch {
            throw .disk(error)
        }
        guard let stamp = found else { return }
        let when = stamp.when.isEmpty ? "" : " since \(stamp.when)"
        let place = stamp.incarnation.isEmpty ? "elsewhere" : "in \(stamp.incarnation)"
        throw Fatal(
            .retired,
            "the data directory \(path) is retired\(when) and kept only for safety: \(stamp.why) "
                + "(\(path)/\(RetiredStamp.name))",
            remedy: "its data lives on \(place); never start from here again. To look at what is "
                + "here, use etcd-member check, or snapshot salvage on a copy"
        )
    }

    private static func refuseUpstream(_ path: String, _ disk: any Disk) throws(Fatal) {
        let isUpstream: Bool
        do throws(DiskError) {
            isUpstream = try disk.status(path + "/member/snap/db") != nil
        } catch {
            throw .disk(error)
        }
        guard isUpstream else { return }
        throw Fatal(
            .foreignData,
            "\(path)/member/snap/db is the data of a real etcd, which keeps it in bbolt",
            remedy: "start etcd itself there, or join as a new member with an empty directory"
        )
    }

    /// Whether the log has been begun: then the flags about the initial cluster do not count.
    package func hasLog() throws(Fatal) -> Bool {
        do throws(DiskError) {
            return try WAL.exists(on: disk, directory: log)
        } catch {
            throw .disk(error)
        }
    }

    /// Whether a start got so far that the member was stamped: its log has all it begins with.
    package func isStamped() throws(Fatal) -> Bool {
        do throws(DiskError) {
            return try disk.status(path + "/identity.json") != nil
        } catch {
            throw .disk(error)
        }
    }

    /// Compares the stamp of an earlier start with what the log says, then renews it. The log is
    /// the truth; a stamp without its log, or of other ids, means that files were mixed up.
    package func stamp(_ identity: Identity) throws(Fatal) {
        let file = path + "/identity.json"
        do throws(DiskError) {
            if try disk.status(file) != nil {
                let bytes = try disk.read(file, maxSize: 64 << 10)
                let before = Identity(json: String(decoding: bytes, as: UTF8.self))
                if let before, before.isOther(than: identity) {
                    throw DiskError(
                        .other,
                        "use",
                        path,
                        reason: "\(file) names member \(before.memberID) of cluster "
                            + "\(before.clusterID), the log member \(identity.memberID) of "
                            + "cluster \(identity.clusterID)"
                    )
                }
                if before == identity { return }
            }
            try disk.replace(file, with: Array((identity.json + "\n").utf8))
        } catch {
            if error.operation == "use" {
                throw Fatal(
                    .foreignData,
                    "\(error)",
                    remedy: "bring the files of one member together"
                )
            }
            throw .disk(error)
        }
    }

    /// Refuses to begin anew where a member has lived whose log is gone.
    package func refuseLostLog() throws(Fatal) {
        guard try isStamped() else { return }
        throw Fatal(
            .corruption,
            "\(path) was a member's data directory (it has an identity.json), but its log \(log) "
                + "is gone",
            remedy: "bring the log back, or replace this member"
        )
    }

    /// Lets somebody else have it; for tests, where the process goes on.
    package func release() {
        lock.release()
    }
}
