import Keyspace
import Member
import Storage

/// `hashkv`: the checksum by which members compare themselves, of files that nobody serves.
enum HashCommand {
    static let hashKV = Command(
        name: "hashkv",
        operands: "PATH",
        operandCount: 1...1,
        meaning: "Prints the HashKV of a data directory or of a snapshot file.",
        flags: [
            Flag("rev", .unsigned, "0", "The last revision to cover; 0 is the latest."),
            Command.writeOut,
        ],
        examples: [
            "etcd-member hashkv /var/lib/etcd",
            "etcd-member hashkv backup.db --rev 1000 -w json",
        ]
    ) { call throws(Fatal) in
        let view = try StorePath.view(of: call)
        defer { view.close() }
        let keyspace: Keyspace
        do throws(KeyspaceError) {
            keyspace = try Keyspace(backend: ReadOnlyBackend(view))
        } catch {
            throw .keyspace(error)
        }
        do throws(EtcdError) {
            let hash = try keyspace.hashKV(at: Int64(call.flags.value("rev")) ?? 0)
            StandardStream.output.write(hash.row.text(call.format))
        } catch {
            throw Fatal(
                .failure,
                error.message,
                remedy: "the revisions here go from \(max(1, keyspace.compactRevision)) to "
                    + "\(keyspace.revision)"
            )
        }
        return .stopped
    }
}

/// What a command's operand means: a data directory, a store in it, or a snapshot file.
enum StorePath {
    /// The directory that holds LMDB's files; nil for what is no directory.
    static func store(of call: Command.Call) throws(Fatal) -> String? {
        let path = call.operand
        do throws(DiskError) {
            if try call.disk.status(path)?.isDirectory == false { return nil }
            for candidate in [path + "/member/store", path + "/store", path]
            where try call.disk.status(candidate + "/data.mdb") != nil {
                return candidate
            }
        } catch {
            throw .disk(error)
        }
        throw Fatal(
            .failure,
            "\(path) has no member/store/data.mdb",
            remedy: "name a data directory of etcd-member, or a snapshot file"
        )
    }

    /// The rows to be looked at.
    static func view(of call: Command.Call) throws(Fatal) -> any BackendView {
        if let store = try store(of: call) {
            do {
                return try LMDBView(readingOnly: store)
            } catch {
                throw .backend(error)
            }
        }
        let file = try call.open(call.operand)
        return try SnapshotCommands.damaged { () throws(SnapshotError) in
            try SnapshotView(of: file)
        }
    }
}

extension KeyspaceHash {
    fileprivate var row: OutputRow {
        OutputRow(values: [
            .init(head: "hash", json: "hash", field: "Hash", content: .number(Int64(hash))),
            .init(
                head: "hash revision",
                json: "hashRevision",
                field: "Hash revision",
                content: .number(hashedRevision)
            ),
            .init(
                head: "compact revision",
                json: "compactRevision",
                field: "Compact revision",
                content: .number(compactRevision)
            ),
        ])
    }
}
