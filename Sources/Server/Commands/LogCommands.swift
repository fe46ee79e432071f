import EtcdProto
import Raft
import Storage

/// `wal raise-commit`: the one thing that is ever changed in a log whose member does not run.
enum LogCommands {
    static let raiseCommit = Command(
        name: "wal raise-commit",
        operands: "PATH",
        operandCount: 1...1,
        meaning: """
            Counts every entry in the log of a real etcd's data directory as committed. Etcd drops \
            those above the commit index when it is then started with --force-new-cluster, \
            although they may have been acknowledged. Only for a copy of the newest log that is \
            left of a lost majority.
            """,
        flags: [Command.writeOut],
        examples: ["etcd-member wal raise-commit /tmp/copy.etcd -w json"]
    ) { call throws(Fatal) in
        let path = call.operand
        let lock = try lock(path, on: call.disk)
        defer { lock.release() }
        let found: Survivor
        let raise: WAL.Raise
        do throws(WALError) {
            found = try Survivor.read(dataDirectory: path, on: call.disk)
            raise = try WAL.raiseCommit(on: call.disk, directory: path + "/member/wal")
        } catch {
            throw .log(error)
        }
        let row = OutputRow(values: [
            .init("commit before", "commitBefore", Int64(clamping: raise.before.commit.rawValue)),
            .init("raft index", "raftIndex", Int64(clamping: raise.lastIndex.rawValue)),
            .init("raft term", "raftTerm", Int64(clamping: raise.lastTerm.rawValue)),
            .init("entries committed", "entriesCommitted", Int64(clamping: raise.entries)),
            .init("member", "memberID", text: MemberID(rawValue: found.memberID).description),
            .init("cluster", "clusterID", text: ClusterID(rawValue: found.clusterID).description),
        ])
        StandardStream.output.write(row.text(call.format))
        return .stopped
    }

    /// An etcd that runs has the database's lock.
    private static func lock(_ path: String, on disk: any Disk) throws(Fatal) -> any DiskLock {
        let database = path + "/member/snap/db"
        do throws(DiskError) {
            if try disk.status(database) != nil { return try disk.lock(database) }
        } catch {
            throw .disk(error)
        }
        throw Fatal(
            .foreignData,
            "there is no \(database): this is not the data directory of a real etcd",
            remedy: "for one of etcd-member use snapshot salvage, or start it with "
                + "--force-new-cluster"
        )
    }
}
