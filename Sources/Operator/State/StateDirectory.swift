package import ClusterAPI
import Glibc
package import Planning
package import Storage

/// Where an operator keeps what it must not forget:
///
///     <root>/lock                         held by the running operator; its process id and socket
///                                         are inside
///     <root>/operator.sock                commands of the CLI
///     <root>/ballast                      bytes that are given back when the disk is full
///     <root>/bin/<program>-<sha>/         pinned copies of member programs
///     <root>/clusters/<namespace>/<name>/ one ClusterDirectory
///     <root>/trash/<when>-<namespace>-<name>/   deleted clusters, whole
///
/// The commands that only look (`get`, `describe`, `plan`, `events`, `journal`, `logs`,
/// `endpoints`) read it with or without an operator at work.
package struct StateDirectory: Sendable {
    /// Absolute, without symbolic links, since processes are recognised by it.
    package let root: String
    package let disk: any Disk
    /// There was nothing of an operator in it when it was opened for an operator.
    package private(set) var isNew = false

    /// A directory that exists.
    package init(existing path: String, on disk: any Disk = FileDisk()) throws(OperatorError) {
        let absolute = absolutePath(path)
        let found: FileStatus?
        do throws(DiskError) {
            found = try disk.status(absolute)
        } catch {
            throw OperatorError(state: error)
        }
        guard found?.isDirectory == true else {
            throw OperatorError(
                .notFound,
                "there is no state directory",
                at: absolute,
                remedy: "start an operator with `etcd-operator run`, or name another --state-dir"
            )
        }
        root = disk is FileDisk ? realPath(absolute) ?? absolute : absolute
        self.disk = disk
    }

    /// A directory that is made when it is absent, and proven to be writable.
    ///
    /// One that is lost looks like one that never was, and a new, empty cluster would come up in
    /// place of the old. So the folder above it must be there, and no disk may be missing that the
    /// machine should have mounted.
    ///
    /// - Parameter withParents: Make the folders above it too, for a place that nobody chose.
    package init(
        creating path: String,
        withParents: Bool = false,
        mounts: MountTable = MountTable(),
        on disk: any Disk = FileDisk()
    ) throws(OperatorError) {
        let absolute = absolutePath(path)
        let isNew: Bool
        do throws(DiskError) {
            isNew = try disk.status(absolute + "/clusters") == nil
            let isThere = try disk.status(absolute) != nil
            let canBeMade = try disk.status(absolute.parent)?.isDirectory == true
            if !isThere, !canBeMade, !withParents {
                throw DiskError(
                    .notFound,
                    "make the state directory",
                    absolute,
                    reason: "\(absolute.parent) is no directory; make it, or mount its disk"
                )
            }
        } catch {
            throw OperatorError(state: error)
        }
        if isNew, disk is FileDisk, let missing = mounts.missing(for: absolute) {
            throw OperatorError(
                .state,
                "nothing is there, and /etc/fstab has a file system for \(missing) that is not "
                    + "mounted",
                at: absolute,
                remedy: "`mount \(missing)`"
            )
        }
        if !isNew { try StateDirectory.checkOwner(absolute, disk) }
        do throws(DiskError) {
            for folder in ["", "/clusters", "/bin", "/trash"] {
                try disk.createDirectory(absolute + folder)
            }
            try disk.replace(absolute + "/writable", with: [])
            try disk.remove(absolute + "/writable")
        } catch {
            throw OperatorError(state: error)
        }
        try self.init(existing: absolute, on: disk)
        self.isNew = isNew
    }

    /// What root writes into another user's directory that user could not use afterwards.
    private static func checkOwner(_ root: String, _ disk: any Disk) throws(OperatorError) {
        guard disk is FileDisk, let owner = owner(of: root + "/clusters"),
            owner != effectiveUser()
        else { return }
        throw OperatorError(
            .refused,
            "it belongs to user \(owner), and this is user \(effectiveUser())",
            at: root,
            remedy: "do it as that user (`sudo -u '#\(owner)' ...`)"
        )
    }

    /// Where the operator that holds the lock listens: it says so in the lock file, since another
    /// environment would lead elsewhere.
    var socket: String {
        // Without an operator there may be no such file.
        let text = (try? disk.read(root + "/lock", maxSize: 4096)).map {
            String(decoding: $0, as: UTF8.self)
        }
        let lines = text?.split(separator: "\n") ?? []
        return lines.count > 1 ? String(lines[1]) : ControlSocket.path(for: root)
    }

    /// Takes the lock, or says which process holds it.
    ///
    /// - Parameter process: Who takes it; nil: this process.
    package func lock(as process: Int32? = nil) throws(OperatorError) -> StateLock {
        try StateDirectory.checkOwner(root, disk)
        return try StateLock(path: root + "/lock", process: process ?? getpid(), on: disk)
    }

    /// The clusters of which anything is kept, in the order of their names.
    package func clusters() throws(OperatorError) -> [ClusterName] {
        do throws(DiskError) {
            var names: [ClusterName] = []
            for namespace in try folders(root + "/clusters") {
                for name in try folders("\(root)/clusters/\(namespace)") {
                    names.append(ClusterName(namespace: namespace, name: name))
                }
            }
            return names.sorted()
        } catch {
            throw OperatorError(state: error)
        }
    }

    package func cluster(_ name: ClusterName) -> ClusterDirectory {
        ClusterDirectory(
            name: name,
            path: "\(root)/clusters/\(name.namespace)/\(name.name)",
            disk: disk
        )
    }

    /// What an operator that begins knows of all clusters: specs accepted last, and records.
    package func remembered(
        at now: Duration
    ) throws(OperatorError) -> (SpecCatalog, [ClusterRecord]) {
        var catalog = SpecCatalog()
        var records: [ClusterRecord] = []
        for name in try clusters() {
            let cluster = cluster(name)
            do throws(OperatorError) {
                guard let record = try cluster.record() else { continue }
                records.append(record)
                catalog.remember(
                    record.accepted,
                    from: record.source,
                    in: record.sourceFolder,
                    at: now
                )
            } catch {
                // Its worker reports it; the name must not get lost for that, nor its ports.
                records += cluster.lastKnownRecords()
                let metadata = Metadata(name: name.name, namespace: name.namespace)
                let unknown = EtcdCluster(metadata: metadata)
                catalog.remember(unknown, from: "", in: nil, at: now)
            }
        }
        return (catalog, records)
    }

    private func folders(_ path: String) throws(DiskError) -> [String] {
        guard try disk.status(path) != nil else { return [] }
        var found: [String] = []
        for name in try disk.list(path) {
            if try disk.status("\(path)/\(name)")?.isDirectory == true { found.append(name) }
        }
        return found
    }
}

/// The state directory, held.
package final class StateLock: Sendable {
    private let lock: any DiskLock
    private let path: String
    private let process: Int32
    private let disk: any Disk

    fileprivate init(path: String, process: Int32, on disk: any Disk) throws(OperatorError) {
        self.path = path
        self.process = process
        self.disk = disk
        do throws(DiskError) {
            lock = try disk.lock(path)
            try disk.replaceContent(of: path, with: Array("\(process)\n".utf8))
        } catch {
            guard error.kind == .locked else { throw OperatorError(state: error) }
            let text = (try? disk.read(path, maxSize: 4096)).map {
                String(decoding: $0, as: UTF8.self)
            }
            let holder = text?.split(separator: "\n").first.flatMap { Int32($0) }
            throw OperatorError(
                .locked,
                "another operator \(holder.map { "(process \($0)) " } ?? "")manages this directory",
                at: path,
                remedy: "stop it first, or use another --state-dir"
            )
        }
    }

    /// Tells where the holder listens.
    func publish(socket: String) throws(OperatorError) {
        do throws(DiskError) {
            try disk.replaceContent(of: path, with: Array("\(process)\n\(socket)\n".utf8))
        } catch {
            throw OperatorError(state: error)
        }
    }

    package func release() {
        lock.release()
    }
}

extension Disk {
    /// Writes in place: the lock belongs to the file itself, which must not be replaced.
    fileprivate func replaceContent(of path: String, with bytes: [UInt8]) throws(DiskError) {
        let file = try open(path, .createOrOpen)
        defer { file.close() }
        // In this order, since a full disk takes no bytes for a file that was just cut off.
        try file.write(bytes, at: 0)
        try file.truncate(to: Int64(bytes.count))
    }
}
