import ClusterAPI
package import Planning
import Storage

/// The directory of one member: `identity.json`, `record.json`, `data/`, `log/`, and `damaged` when
/// it found its data corrupt.
package struct MemberDirectory: Sendable {
    let cluster: ClusterDirectory
    package let member: String

    package var path: String { "\(cluster.path)/members/\(member)" }
    /// The value of the member's `--data-dir`.
    package var data: String { path + "/data" }
    package var log: String { path + "/log/member.log" }

    private var damageMark: String { path + "/damaged" }

    private var disk: any Disk { cluster.disk }

    /// Whose files these are. Read in every pass, so it holds nothing else.
    struct Identity: Hashable, Sendable, Codable {
        var member: String
        var cluster: String
        var uid: String
    }

    func identity() throws(OperatorError) -> Identity? {
        try StateFile.load(Identity.self, at: path + "/identity.json", on: disk)
    }

    /// The record as it was when the member was last started, from which a lost `cluster.json` can
    /// be put together again.
    func recordCopy() throws(OperatorError) -> ClusterRecord? {
        try StateFile.load(ClusterRecord.self, at: path + "/record.json", on: disk)
    }

    /// Something is in `data/`, whatever it is.
    func hasData() throws(OperatorError) -> Bool {
        do throws(DiskError) {
            return try isUsed()
        } catch {
            throw OperatorError(state: error)
        }
    }

    private func isUsed() throws(DiskError) -> Bool {
        try disk.status(data) != nil ? try !disk.list(data).isEmpty : false
    }

    /// Makes the directory and stamps it; what says the same is left alone. Returns why the copy of
    /// the record could not be renewed, which keeps no member from starting.
    @discardableResult
    package func stamp(_ current: ClusterRecord) throws(OperatorError) -> OperatorError? {
        let identity = Identity(
            member: member,
            cluster: current.cluster.description,
            uid: current.uid
        )
        let old = try self.identity()
        if let old, old != identity {
            throw OperatorError(
                .foreign,
                "it belongs to \(old.member) of cluster \(old.cluster)",
                at: path,
                remedy: "move it away"
            )
        }
        try cluster.makeFolder(path + "/log")
        var problem: OperatorError?
        do throws(OperatorError) {
            try write(RecordCopy(of: current))
        } catch {
            problem = error
        }
        if old == nil { try StateFile.save(identity, at: path + "/identity.json", on: disk) }
        return problem
    }

    /// Renews the copy of the record, of a member that has one.
    func renew(_ copy: RecordCopy) throws(OperatorError) {
        // Where a disk is not mounted there is no copy, and yet there is one.
        if let problem = cluster.sentinelProblem(copy.uid) {
            throw OperatorError(.state, problem, at: path)
        }
        do throws(DiskError) {
            guard try disk.status(path + "/record.json") != nil else { return }
        } catch {
            throw OperatorError(state: error)
        }
        try write(copy)
    }

    private func write(_ copy: RecordCopy) throws(OperatorError) {
        // A copy that cannot be read is made anew.
        let known = try? disk.read(path + "/record.json", maxSize: copy.bytes.count)
        if known == copy.bytes { return }
        try StateFile.save(bytes: copy.bytes, at: path + "/record.json", on: disk)
    }

    /// Moves everything of a member that has left to the cluster's trash. What is gone already is
    /// done, unless its disk is gone with it.
    func discard(at when: String, of record: ClusterRecord) throws(OperatorError) {
        let claim = try claim()
        defer { claim.release() }
        do throws(DiskError) {
            guard try disk.status(path) != nil else {
                guard let problem = cluster.sentinelProblem(record.uid) else { return }
                throw DiskError(.notFound, "find", path, reason: problem)
            }
            let trash = cluster.path + "/trash"
            try disk.createDirectory(trash)
            try disk.rename(path, to: "\(trash)/\(when)-\(member)")
            try disk.syncDirectory(path.parent)
            try disk.syncDirectory(trash)
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// Takes the place of another, which must be free.
    func move(to other: MemberDirectory) throws(OperatorError) {
        do throws(DiskError) {
            guard try disk.status(other.path) == nil else {
                throw DiskError(.alreadyExists, "move to \(other.path)", path, reason: "in the way")
            }
            try disk.rename(path, to: other.path)
            try disk.syncDirectory(path.parent)
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// Notes that the member found its data corrupt; it stays stopped until somebody removes the
    /// note.
    package func mark(damage: String) throws(OperatorError) {
        do throws(DiskError) {
            try disk.replace(damageMark, with: Array("\(damage)\n".utf8))
        } catch {
            throw OperatorError(state: error)
        }
    }

    private func damage() throws(DiskError) -> String? {
        guard try disk.status(damageMark) != nil else { return nil }
        let text = String(decoding: try disk.read(damageMark, maxSize: 64 << 10), as: UTF8.self)
        return "it \(text.prefix { !$0.isNewline }); remove \(damageMark) to have it tried again"
    }

    /// What the directory is (safety rule 5). Every answer but the last needs evidence.
    package func state(in record: ClusterRecord) -> DirectoryState {
        if let problem = cluster.sentinelProblem(record.uid) { return .unknown(problem) }
        do throws(DiskError) {
            if let link = try danglingLink() {
                return .unknown("\(link) leads nowhere; mount the disk that it leads to")
            }
            guard let status = try disk.status(path) else {
                // What is put aside has a name that is no member's: it asks no further.
                let waits = record.member(member) != nil && isAside(record)
                return waits ? .aside : .gone
            }
            guard status.isDirectory else { return .foreign("\(path) is no directory") }
            switch try readIdentity() {
            case .absent:
                guard try isUsed() else { return .empty }
                return .foreign("\(data) has files and nothing says whose they are")
            case .unusable(let why):
                return .unknown(why)
            case .found(let identity):
                if identity.uid == record.uid, identity.member != member,
                    record.member(identity.member) != nil
                {
                    return .misplaced(owner: identity.member)
                }
                guard identity.member == member, identity.uid == record.uid else {
                    let owner = "\(identity.member) of \(identity.cluster)"
                    return .foreign("\(path) belongs to \(owner) (\(identity.uid))")
                }
            }
            guard try hasLog() else { return .empty }
            return try damage().map(DirectoryState.damaged) ?? .intact
        } catch {
            return .unknown(error.description)
        }
    }

    /// A symbolic link in the place of the directory or of its data, to where nothing is: a disk
    /// that is not mounted rather than data that are lost.
    private func danglingLink() throws(DiskError) -> String? {
        for place in [path, data] where try disk.status(place) == nil {
            guard try disk.status(place.parent)?.isDirectory == true else { return nil }
            if try disk.list(place.parent).contains(place.lastComponent) { return place }
        }
        return nil
    }

    private func isAside(_ record: ClusterRecord) -> Bool {
        cluster.member(aside(member)).state(in: record) == .misplaced(owner: member)
    }

    private enum Stamp {
        case absent
        case found(Identity)
        case unusable(String)
    }

    private func readIdentity() throws(DiskError) -> Stamp {
        do throws(OperatorError) {
            return try identity().map(Stamp.found) ?? .absent
        } catch {
            return .unusable(error.description)
        }
    }

    /// Takes every lock that a member, ours or etcd's, would hold while it uses the data: the proof
    /// that nobody does, not even a process that cannot be seen from here (safety rule 12). To be
    /// released before a member is started.
    package func claim() throws(OperatorError) -> DataClaim {
        try DataClaim(data: data, on: disk)
    }

    /// A write-ahead log in etcd's layout is there.
    private func hasLog() throws(DiskError) -> Bool {
        let folder = data + "/member/wal"
        guard try disk.status(folder) != nil else { return false }
        return try disk.list(folder).contains { $0.hasSuffix(".wal") }
    }
}

/// The locks of one member's data, held.
package struct DataClaim: Sendable {
    private let locks: [any DiskLock]

    init(data: String, on disk: any Disk) throws(OperatorError) {
        var locks: [any DiskLock] = []
        do throws(DiskError) {
            for name in ["member/lock", "member/snap/db"] {
                let path = "\(data)/\(name)"
                if try disk.status(path) != nil { locks.append(try disk.lock(path)) }
            }
        } catch {
            for lock in locks { lock.release() }
            guard error.kind == .locked else { throw OperatorError(state: error) }
            throw OperatorError(
                .foreign,
                "another process uses the data and holds its lock",
                at: error.path,
                remedy: "find it (`fuser \(error.path)`, also in containers) and stop it"
            )
        }
        self.locks = locks
    }

    package func release() {
        for lock in locks { lock.release() }
    }
}
