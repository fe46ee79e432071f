import EtcdProto
import Keyspace
import Member
import Raft
import Storage

/// `check wal`, `check store`, `check snapshot`: what files hold and whether a member could use
/// them, without changing anything. They go on behind damage where something can be told.
enum CheckCommands {
    static let log = Command(
        name: "check wal",
        operands: "PATH",
        operandCount: 1...1,
        meaning: "Reads a write-ahead log, ours or etcd's: a data directory or its wal directory.",
        flags: [],
        examples: ["etcd-member check wal /var/lib/etcd"]
    ) { call throws(Fatal) in
        let directory = try logDirectory(call)
        let inspection: WAL.Inspection
        do throws(WALError) {
            inspection = try WAL.inspect(on: call.disk, directory: directory)
        } catch {
            throw .log(error)
        }
        for segment in inspection.segments {
            let entries = segment.entries.map { "entries \($0.lowerBound) to \($0.upperBound)" }
            let damage = segment.damage.map { "\n  DAMAGED: \($0)" } ?? ""
            print(
                segment.name,
                "\(ByteText.readable(segment.bytes)), used \(segment.end), "
                    + "\(segment.records) records, \(entries ?? "no entries")\(damage)"
            )
        }
        switch inspection.verdict {
        case .failure(let error):
            print("verdict", "DAMAGED: \(error)")
            return .corruption
        case .success(let contents):
            try describe(contents)
            return .stopped
        }
    }

    private static func describe(_ contents: WAL.Contents) throws(Fatal) {
        if let (member, cluster) = try? Startup.identity(in: contents.metadata, "") {
            print("member", "\(member) of cluster \(cluster)")
        }
        let state = contents.hardState
        print("state", "term \(state.term), vote \(state.vote), commit \(state.commit)")
        print("starts at", "index \(contents.marker.index), term \(contents.marker.term)")
        if let first = contents.entries.first {
            print("entries", "\(first.index) to \(contents.lastIndex)")
        }
        let lastTerm = contents.entries.last?.term ?? contents.marker.term
        print("ends with", "index \(contents.lastIndex), term \(lastTerm)")
        if let torn = contents.tornTail {
            print(
                "torn write",
                "\(torn.file) from byte \(torn.offset) on: cut off by a loss of power, never "
                    + "acknowledged; the next start cuts it away"
            )
        }
        print("verdict", "good")
    }

    private static func logDirectory(_ call: Command.Call) throws(Fatal) -> String {
        let path = call.operand
        do throws(DiskError) {
            for candidate in [path + "/member/wal", path + "/wal", path]
            where try call.disk.status(candidate)?.isDirectory == true {
                return candidate
            }
        } catch {
            throw .disk(error)
        }
        throw Fatal(
            .failure,
            "there is no directory \(path)",
            remedy: "name a data directory, or the directory of a log"
        )
    }

    static let store = Command(
        name: "check store",
        operands: "PATH",
        operandCount: 1...1,
        meaning: "Reads every row of a member's keyspace: a data directory or its store directory.",
        flags: [
            Flag(
                "in-process",
                .boolean,
                "false",
                "Read in this process: LMDB does not survive every damaged page."
            )
        ],
        examples: ["etcd-member check store /var/lib/etcd"]
    ) { call throws(Fatal) in
        guard let directory = try StorePath.store(of: call) else {
            throw Fatal(
                .failure,
                "\(call.operand) is a file",
                remedy: "see etcd-member check snapshot --help"
            )
        }
        if call.flags.isOn("in-process") {
            do throws(BackendError) {
                let view = try LMDBView(readingOnly: directory)
                defer { view.close() }
                return tell(StoreReport(view))
            } catch {
                throw .backend(error)
            }
        }
        let end = try OwnProgram.run(["check", "store", directory, "--in-process"])
        switch end {
        case .exited(let code): return ExitCode(rawValue: code) ?? .failure
        case .killed(let signal):
            print(
                "verdict",
                "DAMAGED: reading \(directory)/data.mdb ended the reader by signal \(signal): a "
                    + "page is not what it was. Replace this member, or restore it from a backup"
            )
            return .corruption
        }
    }

    static let snapshot = Command(
        name: "check snapshot",
        operands: "FILE",
        operandCount: 1...1,
        meaning: "Reads every page and row of a snapshot file, and compares its checksum.",
        flags: [],
        examples: ["etcd-member check snapshot backup.db"]
    ) { call throws(Fatal) in
        let file = try call.open(call.operand)
        defer { file.close() }
        let checksum: SnapshotChecksum
        do throws(DiskError) {
            checksum = try SnapshotChecksum(of: file)
        } catch {
            throw .disk(error)
        }
        let view = try SnapshotCommands.damaged { () throws(SnapshotError) in
            try SnapshotView(of: file)
        }
        var report = StoreReport(view)
        switch checksum {
        case .right: report.note("checksum", "right")
        case .absent: report.note("checksum", "none: the file is a bare database")
        case .wrong: report.problem("the checksum behind the database is not that of the database")
        }
        return tell(report)
    }

    private static func tell(_ report: StoreReport) -> ExitCode {
        for fact in report.facts { print(fact.name, fact.value) }
        for problem in report.problems { print("problem", problem) }
        print("verdict", report.problems.isEmpty ? "good" : "DAMAGED")
        return report.problems.isEmpty ? .stopped : .corruption
    }

    private static func print(_ name: String, _ value: String) {
        StandardStream.output.write("\(name): \(value)\n")
    }
}
