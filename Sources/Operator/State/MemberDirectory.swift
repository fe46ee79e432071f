import ClusterAPI
package import Planning
import Storage

/// The directory of one member: `identity.json`, `data/`, `log/`.
package struct MemberDirectory: Sendable {
    let cluster: ClusterDirectory
    package let member: String

    package var path: String { "\(cluster.path)/members/\(member)" }
    /// The value of the member's `--data-dir`.
    package var data: String { path + "/data" }
    package var log: String { path + "/log/member.log" }

    private var disk: any Disk { cluster.disk }

    /// Whose files these are. It also holds the record as it is while members run, so that a lost
    /// `cluster.json` can be put together again from the members' directories.
    struct Identity: Hashable, Sendable, Codable {
        var member: String
        var record: ClusterRecord
    }

    func identity() throws(OperatorError) -> Identity? {
        try StateFile.load(Identity.self, at: path + "/identity.json", on: disk)
    }

    /// Makes the directory and stamps it; a stamp that says the same is left alone.
    package func stamp(_ current: ClusterRecord) throws(OperatorError) {
        // Without what changes from start to start, so that the stamp is not written each time.
        var record = current
        record.phase = .started
        record.desired = .up
        for index in record.members.indices { record.members[index].launched = true }
        if let old = try identity() {
            guard old.member == member, old.record.uid == record.uid else {
                throw OperatorError(
                    .foreign,
                    "it belongs to \(old.member) of cluster \(old.record.cluster)",
                    at: path,
                    remedy: "move it away"
                )
            }
            if old.record == record { return }
        }
        try cluster.makeFolder(path + "/log")
        try StateFile.save(
            Identity(member: member, record: record),
            at: path + "/identity.json",
            on: disk
        )
    }

    /// What the directory is (safety rule 5). Every answer but the last needs evidence.
    package func state(in record: ClusterRecord, damage: String?) -> DirectoryState {
        if let problem = cluster.sentinelProblem(record.uid) { return .unknown(problem) }
        do throws(DiskError) {
            guard let status = try disk.status(path) else { return .gone }
            guard status.isDirectory else { return .foreign("\(path) is no directory") }
            let hasData = try disk.status(data) != nil ? try !disk.list(data).isEmpty : false
            switch try readIdentity() {
            case .absent:
                guard hasData else { return .empty }
                return .foreign("\(data) has files and nothing says whose they are")
            case .unusable(let why):
                return .unknown(why)
            case .found(let identity):
                guard identity.member == member, identity.record.uid == record.uid else {
                    let owner = "\(identity.member) of \(identity.record.cluster)"
                    return .foreign("\(path) belongs to \(owner) (\(identity.record.uid))")
                }
            }
            guard try hasLog() else { return .empty }
            return damage.map(DirectoryState.damaged) ?? .intact
        } catch {
            return .unknown(error.description)
        }
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

    /// A write-ahead log in etcd's layout is there.
    private func hasLog() throws(DiskError) -> Bool {
        let folder = data + "/member/wal"
        guard try disk.status(folder) != nil else { return false }
        return try disk.list(folder).contains { $0.hasSuffix(".wal") }
    }
}
