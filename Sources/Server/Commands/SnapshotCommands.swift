import EtcdProto
import Keyspace
import Member
import NIOCore
import Storage

/// `snapshot status` and `snapshot restore`, with etcdutl's flags.
enum SnapshotCommands {
    static let status = Command(
        name: "snapshot status",
        operands: "FILE",
        operandCount: 1...1,
        meaning: "Prints what a snapshot file holds, after a look at all of it.",
        flags: [Command.writeOut],
        examples: [
            "etcd-member snapshot status backup.db -w table",
            "etcd-member snapshot status /var/lib/etcd/member/snap/db -w json",
        ]
    ) { call throws(Fatal) in
        let file = try call.open(call.operand)
        defer { file.close() }
        let status = try damaged { () throws(SnapshotError) in try SnapshotStatus(of: file) }
        StandardStream.output.write(status.row.text(call.format))
        return .stopped
    }

    static let restore = Command(
        name: "snapshot restore",
        operands: "FILE",
        operandCount: 1...1,
        meaning: """
            Makes the data directory of a member of a new cluster that begins with a snapshot's \
            keys. Every first member is restored from the same file with the same flags, and then \
            started as usual.
            """,
        flags: restoreFlags,
        examples: [
            "etcd-member snapshot restore backup.db --data-dir /var/lib/etcd",
            "etcd-member snapshot restore backup.db --name a --data-dir a.etcd "
                + "--initial-cluster a=http://10.0.0.1:2380,b=http://10.0.0.2:2380 "
                + "--initial-advertise-peer-urls http://10.0.0.1:2380 "
                + "--bump-revision 1000000000 --mark-compacted",
            "etcd-member snapshot restore backup.db --backend bbolt --data-dir for-real-etcd",
        ]
    ) { call throws(Fatal) in
        try Restore(call).run()
        return .stopped
    }

    private static let restoreFlags: [Flag] = [
        Flag("data-dir", .text, "${name}.etcd", "The directory to make; it must not exist."),
        Flag("name", .text, "default", "Name of the member."),
        Flag("initial-cluster", .text, "default=http://localhost:2380", "Members: name=url,..."),
        Flag("initial-cluster-token", .text, "etcd-cluster", "Tells equal bootstraps apart."),
        Flag(
            "initial-advertise-peer-urls",
            .text,
            "http://localhost:2380",
            "Where other members reach this one."
        ),
        Flag(
            "skip-hash-check",
            .boolean,
            "false",
            "Take a file without a checksum, such as a copied member/snap/db."
        ),
        Flag("bump-revision", .unsigned, "0", "Raise the revision by so much."),
        Flag(
            "mark-compacted",
            .boolean,
            "false",
            "Count all revisions up to the raised one as compacted, which ends old watches."
        ),
        Flag(
            "backend",
            .oneOf(Restore.Form.allCases.map(\.rawValue)),
            Restore.Form.lmdb.rawValue,
            "Whose data directory to make: lmdb for etcd-member, bbolt for a real etcd."
        ),
        Flag(
            "wal-dir",
            .text,
            "",
            "Not supported: the log lives in the data directory.",
            effect: .refused(unless: [], because: "the log lives in the data directory")
        ),
        Flag(
            "initial-memory-map-size",
            .unsigned,
            "10737418240",
            "Without effect: the file is not mapped.",
            effect: .none
        ),
        Command.writeOut,
    ]

    /// Errors that say that a file is not whole, as the end of a command.
    static func damaged<Result>(
        _ body: () throws(SnapshotError) -> Result
    ) throws(Fatal) -> Result {
        do {
            return try body()
        } catch {
            switch error {
            case .backend(let cause): throw .backend(cause)
            case .file(.disk(let cause)):
                throw Fatal(.diskFailure, "\(cause)", remedy: "look at the disk")
            default:
                throw Fatal(.corruption, "\(error)", remedy: "take another snapshot file")
            }
        }
    }
}

extension SnapshotStatus {
    var row: OutputRow {
        var values: [OutputRow.Value] = [
            .init(
                head: "hash",
                json: "hash",
                field: "Hash",
                content: .number(Int64(hash)),
                shown: String(hash, radix: 16)
            ),
            .init(
                head: "revision",
                json: "revision",
                field: "Revision",
                content: .number(revision)
            ),
            .init(
                head: "total keys",
                json: "totalKey",
                field: "Keys",
                content: .number(Int64(rowCount))
            ),
            .init(
                head: "total size",
                json: "totalSize",
                field: "Size",
                content: .number(size),
                shown: ByteText.readable(size)
            ),
        ]
        if !storageVersion.isEmpty {
            values.append(
                .init(
                    head: "storage version",
                    json: "version",
                    field: "Version",
                    content: .text(storageVersion)
                )
            )
        }
        return OutputRow(values: values)
    }
}
