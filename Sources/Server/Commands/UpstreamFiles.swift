import EtcdProto
import FoundationEssentials
import Keyspace
import Member
import Raft
import Storage
import SwiftProtobuf

/// The files that a real etcd has where a member of ours has LMDB, as `etcdutl snapshot restore`
/// leaves them (the log beside them is the same in both):
///
///     member/snap/db                                        the keyspace, in bbolt
///     member/snap/0000000000000001-0000000000000003.snap    Raft's snapshot: term, index
///
/// etcd begins with the newest `.snap` for which the log has a marker. In it are who takes part,
/// and the members as the old v2 store, which is where etcd 3.4 and 3.5 look for them. The file
/// holds
/// `snappb.Snapshot`: the checksum of the second field's bytes, and those bytes, a
/// `raftpb.Snapshot`.
struct UpstreamFiles {
    let disk: any Disk
    /// `member`, with the log in it.
    let directory: String

    private var snapshots: String { directory + "/snap" }

    /// Writes both, from rows that a restore has made for the members of this cluster. Durable.
    func write(_ backend: any Backend, of cluster: InitialCluster) throws(Fatal) {
        let view: any BackendView
        do {
            view = try backend.openView()
        } catch {
            throw .backend(error)
        }
        defer { view.close() }
        let database: any DiskFile
        do throws(DiskError) {
            try disk.createDirectory(snapshots)
            database = try disk.open(snapshots + "/db", .create)
        } catch {
            throw .disk(error)
        }
        defer { database.close() }
        let summary: SnapshotSummary
        do {
            summary = try SnapshotFile.write(view, to: database)
        } catch {
            throw Fatal(.failure, "\(error)", remedy: "take another snapshot file")
        }
        let snapshot = summary.snapshot(data: Membership(members: cluster.members).v2Store)
        do throws(DiskError) {
            try database.sync()
            let numbers = [snapshot.term.rawValue, snapshot.index.rawValue]
            let name = numbers.map(Self.digits).joined(separator: "-")
            try disk.replace("\(snapshots)/\(name).snap", with: Self.file(snapshot))
        } catch {
            throw .disk(error)
        }
    }

    private static func file(_ snapshot: Snapshot) -> [UInt8] {
        let data = snapshot.encoded()
        var checksum = Storage.CRC32C()
        checksum.update(data)
        let file = SnappbSnapshot.with {
            $0.crc = checksum.value
            $0.data = Data(data)
        }
        do {
            return try file.serializedBytes()
        } catch {
            fatalError("a number and bytes cannot be encoded: \(error)")
        }
    }

    private static func digits(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
