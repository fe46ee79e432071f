import EtcdProto
import Keyspace
import Logging
import Member
import NIOCore
import Raft
import Storage

/// `snapshot salvage`: what is left of a cluster, from a copy of one member's files and nothing
/// else.
enum SalvageCommand {
    static let salvage = Command(
        name: "snapshot salvage",
        operands: "",
        operandCount: 0...0,
        meaning: """
            Writes a snapshot of everything that a member's data directory holds, entries that are \
            not known to be committed included: what an election among the survivors of a lost \
            majority would commit, if this is the newest log. Needs no other member and no \
            network. Works on the files, so give it a copy; nothing can start from them afterwards.
            """,
        flags: [
            Flag("data-dir", .text, "", "A copy of the data directory of a member."),
            Flag("output", .text, "", "The snapshot file to make; it must not exist."),
            Command.writeOut,
        ],
        examples: [
            "etcd-member snapshot salvage --data-dir /tmp/copy.etcd --output salvaged.db -w json"
        ]
    ) { call throws(Fatal) in
        let path = try given("data-dir", call)
        let output = try given("output", call)
        try refuseExisting(output, on: call.disk)
        let stamp = RetiredStamp(
            why: "a snapshot was salvaged from these files, for which all of their log was taken "
                + "for committed",
            when: WallClock.text(milliseconds: WallClock.milliseconds()),
            incarnation: "the snapshot \(output)"
        )
        let directory = try DataDirectory(salvaging: path, stamp: stamp, on: call.disk)
        let salvage = try salvaged(directory, call)
        defer { salvage.backend.close() }
        let status = try save(salvage, as: output, on: call.disk)
        StandardStream.output.write(try row(salvage, status).text(call.format))
        return .stopped
    }

    private static func given(_ flag: String, _ call: Command.Call) throws(Fatal) -> String {
        guard !call.flags.value(flag).isEmpty else {
            throw Fatal(
                .configuration,
                "--\(flag) is missing",
                remedy: "see etcd-member snapshot salvage --help"
            )
        }
        return call.path(call.flags.value(flag))
    }

    private static func refuseExisting(_ path: String, on disk: any Disk) throws(Fatal) {
        do throws(DiskError) {
            guard try disk.status(path) != nil else { return }
        } catch {
            throw .disk(error)
        }
        throw Fatal(.dataDirectory, "\(path) exists", remedy: "name a file that does not exist")
    }

    private static func salvaged(
        _ directory: DataDirectory,
        _ call: Command.Call
    ) throws(Fatal) -> Salvage {
        do throws(StartError) {
            // Twice what is there, whatever quota the member had: the log may hold as much again.
            let rows = directory.member + "/store/data.mdb"
            let size: Int64
            do throws(DiskError) {
                size = try call.disk.status(rows)?.size ?? 0
            } catch {
                throw .disk(error)
            }
            let mapSize = max(Quota.mapSize(configured: 0), Int(clamping: size) * 2)
            let store = StoreDirectories(in: directory.member, on: call.disk) {
                directory throws(BackendError) in
                try LMDBBackend(directory: directory, mapSize: mapSize)
            }
            return try Salvage(
                store,
                on: call.disk,
                log: directory.log,
                logger: Logger(label: "etcd-member") { _ in
                    LineLogHandler(level: .warning, asJSON: false)
                }
            )
        } catch {
            throw .start(error)
        }
    }

    /// The file appears under its name when it is complete and durable.
    private static func save(
        _ salvage: Salvage,
        as output: String,
        on disk: any Disk
    ) throws(Fatal) -> SnapshotStatus {
        let part = output + ".part"
        let parent = "/" + output.split(separator: "/").dropLast().joined(separator: "/")
        let file: any DiskFile
        do throws(DiskError) {
            // What a salvage has left that was cut off.
            try disk.removeAll(part)
            file = try disk.open(part, .create)
        } catch {
            throw .disk(error)
        }
        defer { file.close() }
        let status = try SnapshotCommands.damaged { () throws(SnapshotError) in
            try salvage.write(to: file)
        }
        do throws(DiskError) {
            try disk.rename(part, to: output)
            try disk.syncDirectory(parent)
        } catch {
            throw .disk(error)
        }
        return status
    }

    private static func row(
        _ salvage: Salvage,
        _ status: SnapshotStatus
    ) throws(Fatal) -> OutputRow {
        let hash: KeyspaceHash
        do {
            hash = try salvage.keyspace.hashKV(at: 0)
        } catch {
            throw Fatal(.failure, error.message, remedy: "this is a mistake in the program")
        }
        let raise = salvage.raise
        return OutputRow(values: [
            .init("revision", "revision", salvage.keyspace.revision),
            .init("compact revision", "compactRevision", hash.compactRevision),
            .init("raft term", "raftTerm", Int64(clamping: raise.lastTerm.rawValue)),
            .init("raft index", "raftIndex", Int64(clamping: raise.lastIndex.rawValue)),
            .init("entries committed", "entriesCommitted", Int64(clamping: raise.entries)),
            .init("keys", "keys", Int64(salvage.keyspace.keyCount)),
            .init("rows", "totalKey", Int64(status.rowCount)),
            .init("size", "totalSize", status.size, shown: ByteText.readable(status.size)),
            .init("hash", "hash", Int64(status.hash), shown: String(status.hash, radix: 16)),
            .init("hash of keys", "hashKV", Int64(hash.hash)),
            .init("member", "memberID", text: salvage.memberID.description),
            .init("cluster", "clusterID", text: salvage.clusterID.description),
        ])
    }
}
