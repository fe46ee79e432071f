package import ClusterAPI
package import Planning
import Storage

/// What is kept of one cluster:
///
///     cluster.json         ClusterRecord: decided once, never again
///     declared.json        what a file declares, until there is a record
///     status.json          ClusterStatus: last seen; may be lost without harm
///     journal.jsonl        one line for each change that was made
///     events.jsonl         what happened, as `etcd-operator events` shows it
///     members/.sentinel    the cluster's uid: proof that the right disk is mounted
///     members/<member>/    identity.json, record.json, data/, log/
///     trash/               data that was taken out of use
package struct ClusterDirectory: Sendable {
    package let name: ClusterName
    package let path: String
    let disk: any Disk

    init(name: ClusterName, path: String, disk: any Disk) {
        self.name = name
        self.path = path
        self.disk = disk
    }

    package func record() throws(OperatorError) -> ClusterRecord? {
        let found = try StateFile.load(ClusterRecord.self, at: path + "/cluster.json", on: disk)
        if let found, found.cluster != name {
            throw OperatorError(
                .state,
                "it is the record of \(found.cluster)",
                at: path + "/cluster.json",
                remedy: "put it back where it was"
            )
        }
        if let flaw = found?.flaw {
            throw OperatorError(
                .state,
                "it contradicts itself: \(flaw)",
                at: path + "/cluster.json",
                remedy: "put back a copy (cluster.json.previous is the version before)"
            )
        }
        return found
    }

    /// What can be learned of the cluster when its record cannot be used: the version before, or
    /// what the members know. Enough to leave its ports alone, too little to act upon.
    func lastKnownRecords() -> [ClusterRecord] {
        // Whatever cannot be read says nothing; the record's own problem is told elsewhere.
        let members = (try? memberNames()) ?? []
        let copies = members.compactMap { try? member($0).recordCopy() }
        let previous = try? StateFile.load(ClusterRecord.self, at: previousRecord, on: disk)
        return ([previous] + copies).compactMap { $0 }.filter { $0.flaw == nil }
    }

    /// Tells the members' copies of the record, where there are any. Returns what went wrong: it
    /// matters only if the record itself gets lost before the next start.
    func renewCopies(_ record: ClusterRecord) -> [OperatorError] {
        let copy = RecordCopy(of: record)
        return record.members.compactMap { known in
            do throws(OperatorError) {
                try member(known.name).renew(copy)
                return nil
            } catch {
                return error
            }
        }
    }

    private var previousRecord: String { path + "/cluster.json.previous" }

    /// Files that are written only for a cluster that exists, beside its record.
    func traces() throws(OperatorError) -> [String] {
        var found: [String] = []
        do throws(DiskError) {
            if try disk.status(previousRecord) != nil { found.append("\(previousRecord) exists") }
        } catch {
            throw OperatorError(state: error)
        }
        // A status may be damaged without harm; then it is no trace.
        if let status = try? status(), let id = status.clusterID {
            found.append("\(path)/status.json tells of cluster \(id)")
        }
        return found
    }

    package func save(_ record: ClusterRecord) throws(OperatorError) {
        try makeFolder(path)
        try StateFile.save(record, at: path + "/cluster.json", on: disk)
    }

    package func status() throws(OperatorError) -> ClusterStatus? {
        try StateFile.load(ClusterStatus.self, at: path + "/status.json", on: disk)
    }

    package func save(_ status: ClusterStatus) throws(OperatorError) {
        try makeFolder(path)
        do throws(DiskError) {
            try disk.replace(path + "/status.json", with: StateFile.encode(status))
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// The cluster as `get` and `describe` show it: the accepted spec with the last status. Nil
    /// when nothing is known.
    package func resource() throws(OperatorError) -> EtcdCluster? {
        var cluster: EtcdCluster
        if let record = try record() {
            cluster = record.accepted
            cluster.metadata.uid = record.uid
        } else if let declared = try StateFile.load(EtcdCluster.self, at: declaration, on: disk) {
            cluster = declared
        } else {
            return nil
        }
        // It may be lost without harm, so a damaged one is none.
        cluster.status = try? status()
        return cluster
    }

    private var declaration: String { path + "/declared.json" }

    /// Remembers what a file declares while there is no record.
    func keep(declaration cluster: EtcdCluster) throws(OperatorError) {
        do throws(DiskError) {
            let bytes = StateFile.encode(cluster)
            if try disk.status(declaration) != nil, try disk.read(declaration) == bytes { return }
            try disk.createDirectory(path)
            try disk.replace(declaration, with: bytes)
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// Removes what is kept of a cluster that was declared and never created. False, and nothing
    /// is removed, when there is anything of a real one.
    func forgetDeclaration() throws(OperatorError) -> Bool {
        guard try memberNames().isEmpty, try trashNames().isEmpty, try record() == nil,
            try traces().isEmpty
        else { return false }
        let logs = ["events.jsonl", "events.jsonl.1", "journal.jsonl", "journal.jsonl.1"]
        do throws(DiskError) {
            for name in ["declared.json", "status.json", "members/.sentinel", "members"] + logs {
                if try disk.status("\(path)/\(name)") != nil { try disk.remove("\(path)/\(name)") }
            }
            // Whatever else is there is not ours to remove.
            if try disk.status(path) != nil, try disk.list(path).isEmpty { try disk.remove(path) }
            return true
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// Oldest first, equal ones in a row counted.
    package func events() throws(OperatorError) -> [Event] {
        try LineFile(path: path + "/events.jsonl", disk: disk).load(Event.self).folded
    }

    package func append(_ event: Event) throws(OperatorError) {
        try makeFolder(path)
        try LineFile(path: path + "/events.jsonl", disk: disk, maxBytes: 256 << 10).append(event)
    }

    package func journal() throws(OperatorError) -> [JournalEntry] {
        try LineFile(path: path + "/journal.jsonl", disk: disk).load(JournalEntry.self)
    }

    package func append(_ entry: JournalEntry) throws(OperatorError) {
        try makeFolder(path)
        try LineFile(path: path + "/journal.jsonl", disk: disk).append(entry)
    }

    package func member(_ member: String) -> MemberDirectory {
        MemberDirectory(cluster: self, member: member)
    }

    /// The directories below `members/`, whoever made them.
    package func memberNames() throws(OperatorError) -> [String] {
        try names(path + "/members").filter { !$0.hasPrefix(".") }
    }

    /// All data of the cluster, in use and put away, held. Where its disk is not mounted nobody can
    /// tell who uses it.
    func claims(_ uid: String) throws(OperatorError) -> [DataClaim] {
        // Also what is put aside until its place is free.
        var data: [String] = []
        let names = try names(path + "/members")
        do throws(DiskError) {
            if try disk.status(path + "/members") != nil, let problem = sentinelProblem(uid) {
                throw DiskError(.notFound, "hold the data", path, reason: problem)
            }
            for name in names
            where try disk.status("\(path)/members/\(name)")?.isDirectory == true {
                data.append(member(name).data)
            }
        } catch {
            throw OperatorError(state: error)
        }
        data += try trashNames().map { "\(path)/trash/\($0)/data" }
        var claims: [DataClaim] = []
        do throws(OperatorError) {
            for place in data { claims.append(try DataClaim(data: place, on: disk)) }
        } catch {
            for claim in claims { claim.release() }
            throw error
        }
        return claims
    }

    func trashNames() throws(OperatorError) -> [String] {
        try names(path + "/trash")
    }

    /// What members have left behind, with its size: `trash/<when>-<member>`.
    func trash() throws(OperatorError) -> [DiskSpace.Trash] {
        try trashNames().map { name throws(OperatorError) in
            let place = "\(path)/trash/\(name)"
            do throws(DiskError) {
                return .init(
                    path: place,
                    bytes: try disk.size(place),
                    member: ClusterDirectory.member(inTrash: name) ?? ""
                )
            } catch {
                throw OperatorError(state: error)
            }
        }
    }

    /// Whose place in the trash has this name; nil when that is not one that members get.
    static func member(inTrash name: String) -> String? {
        name.firstRange(of: "Z-").map { String(name[$0.upperBound...]) }
    }

    /// Makes `members/` and leaves the cluster's uid in it.
    package func writeSentinel(_ uid: String) throws(OperatorError) {
        try makeFolder(path + "/members")
        do throws(DiskError) {
            try disk.replace(path + "/members/.sentinel", with: Array("\(uid)\n".utf8))
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// Why `members/` cannot be trusted to be the directory it was; nil when it can.
    func sentinelProblem(_ uid: String) -> String? {
        let file = path + "/members/.sentinel"
        do throws(DiskError) {
            let text = String(decoding: try disk.read(file, maxSize: 256), as: UTF8.self)
            return text == "\(uid)\n" ? nil : "\(file) names another cluster"
        } catch {
            return "\(file) cannot be read (\(error.reason)): is its disk mounted?"
        }
    }

    /// Moves everything to the trash of the state directory.
    func discard(to trash: String) throws(OperatorError) {
        do throws(DiskError) {
            guard try disk.status(path) != nil else { return }
            try disk.createDirectory(trash.parent)
            try disk.rename(path, to: trash)
            try disk.syncDirectory(path.parent)
            try disk.syncDirectory(trash.parent)
        } catch {
            throw OperatorError(state: error)
        }
    }

    private func names(_ folder: String) throws(OperatorError) -> [String] {
        do throws(DiskError) {
            return try disk.status(folder) == nil ? [] : try disk.list(folder)
        } catch {
            throw OperatorError(state: error)
        }
    }

    func makeFolder(_ folder: String) throws(OperatorError) {
        do throws(DiskError) {
            try disk.createDirectory(folder)
        } catch {
            throw OperatorError(state: error)
        }
    }
}

extension Disk {
    /// Bytes of a file, or of all files in a directory.
    fileprivate func size(_ path: String) throws(DiskError) -> Int64 {
        guard let status = try status(path) else { return 0 }
        guard status.isDirectory else { return status.size }
        var sum: Int64 = 0
        for name in try list(path) { sum += try size("\(path)/\(name)") }
        return sum
    }
}

extension String {
    /// The directory that holds the last component of an absolute path.
    var parent: String {
        guard let slash = lastIndex(of: "/"), slash != startIndex else { return "/" }
        return String(self[..<slash])
    }
}

/// One change that the operator made, and why.
package struct JournalEntry: Hashable, Sendable, Codable {
    package var time: Timestamp
    package var step: String
    package var reason: String
    /// What it changed, as it was and as it is since then; nil where the step says it all.
    package var before: String?
    package var after: String?
    /// `done`, or what went wrong.
    package var result: String

    package init(
        time: Timestamp,
        step: String,
        reason: String,
        before: String? = nil,
        after: String? = nil,
        result: String
    ) {
        self.time = time
        self.step = step
        self.reason = reason
        self.before = before
        self.after = after
        self.result = result
    }
}
