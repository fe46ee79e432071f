import EtcdProto
import Keyspace
import Member
import NIOCore
import Storage

/// One run of `snapshot restore`.
///
/// Everything is made in a directory beside the one asked for, which gets its name when all of it
/// is durable: a restore that was cut off leaves nothing that a member would start on.
struct Restore {
    private let call: Command.Call
    private let name: String
    private let cluster: InitialCluster
    private let member: MemberInfo
    private let target: String
    private let rewriting: Startup.Rewriting
    /// Whose form the keyspace is to have.
    private let form: Form

    enum Form: String, CaseIterable {
        /// This program's.
        case lmdb
        /// A real etcd's.
        case bbolt

        var program: String { self == .lmdb ? "etcd-member" : "etcd" }
    }

    init(_ call: Command.Call) throws(Fatal) {
        self.call = call
        let flags = call.flags
        name = flags.value("name")
        target = call.path(
            flags.isGiven("data-dir") ? flags.value("data-dir") : "\(name).etcd"
        )
        do throws(ClusterConfigurationError) {
            cluster = try InitialCluster(
                parsing: flags.value("initial-cluster"),
                token: flags.value("initial-cluster-token")
            )
            member = try cluster.localMember(
                named: name,
                advertising: flags.value("initial-advertise-peer-urls").split(separator: ",")
                    .map(String.init)
            )
        } catch {
            throw Fatal(
                .configuration,
                "\(error)",
                remedy: "correct --initial-cluster and its companions"
            )
        }
        var rewriting = Startup.Rewriting()
        guard let amount = Int64(flags.value("bump-revision")) else {
            throw Fatal(
                .configuration,
                "--bump-revision=\(flags.value("bump-revision")) is too large",
                remedy: "give less than 2^63"
            )
        }
        rewriting.bumpRevision = amount
        rewriting.marksCompacted = flags.isOn("mark-compacted")
        guard amount > 0 || !rewriting.marksCompacted else {
            throw Fatal(
                .configuration,
                "--mark-compacted requires --bump-revision",
                remedy: "give both, or neither"
            )
        }
        self.rewriting = rewriting
        form = Form(rawValue: flags.value("backend")) ?? .lmdb
    }

    func run() throws(Fatal) {
        let file = try call.open(call.operand)
        defer { file.close() }
        try refuseUsedDirectory()
        try verify(file)
        let work = target + ".restoring"
        let began = NIODeadline.now()
        try onDisk { () throws(DiskError) in
            // What an earlier restore has left that was cut off.
            try call.disk.removeAll(work)
            try call.disk.createDirectory(work + "/member")
        }
        let summary = try fill(work, from: file)
        try onDisk { () throws(DiskError) in
            let rows = form == .lmdb ? "/member/store" : "/member/snap"
            for directory in [work + rows, work + "/member", work] {
                try call.disk.syncDirectory(directory)
            }
            try call.disk.rename(work, to: target)
            try call.disk.syncDirectory(parent)
        }
        report(summary, seconds: Double((NIODeadline.now() - began).nanoseconds) / 1e9)
    }

    private var parent: String {
        "/" + target.split(separator: "/").dropLast().joined(separator: "/")
    }

    /// Data that is there already is never touched.
    private func refuseUsedDirectory() throws(Fatal) {
        do throws(DiskError) {
            guard let status = try call.disk.status(target) else { return }
            if status.isDirectory, try call.disk.list(target).isEmpty {
                return try call.disk.remove(target)
            }
        } catch {
            throw .disk(error)
        }
        throw Fatal(
            .dataDirectory,
            "data-dir \"\(target)\" not empty or could not be read",
            remedy: "restore into a new directory"
        )
    }

    private func verify(_ file: any DiskFile) throws(Fatal) {
        if call.flags.isOn("skip-hash-check") { return }
        switch try onDisk({ () throws(DiskError) in try SnapshotChecksum(of: file) }) {
        case .right: return
        case .absent:
            throw Fatal(
                .failure,
                "snapshot missing hash but --skip-hash-check=false",
                remedy: "if this is a copy of a database and not a saved snapshot, give "
                    + "--skip-hash-check"
            )
        case .wrong(let expected, let found):
            throw Fatal(
                .corruption,
                "expected sha256 \(Self.hexadecimal(expected)), got \(Self.hexadecimal(found))",
                remedy: "the file is damaged: take another snapshot file"
            )
        }
    }

    private func fill(
        _ work: String,
        from file: any DiskFile
    ) throws(Fatal) -> SnapshotSummary {
        let size = try onDisk { () throws(DiskError) in try file.size() }
        let mapSize = max(Quota.mapSize(configured: 0), Int(clamping: size) * 2)
        let store = StoreDirectories(in: work + "/member", on: call.disk) {
            directory throws(BackendError) in
            try LMDBBackend(directory: directory, mapSize: mapSize)
        }
        let backend = try starting { () throws(StartError) in try store.open() }
        defer { backend.close() }
        let progress = ProgressLine("restoring", of: size)
        defer { progress.end() }
        let summary = try SnapshotCommands.damaged { () throws(SnapshotError) in
            try SnapshotFile.load(file, into: backend) { progress.reached($0) }
        }
        try starting { () throws(StartError) in
            try Startup.restore(
                backend,
                loaded: summary,
                as: cluster,
                member: member.id,
                rewriting: rewriting,
                on: call.disk,
                log: work + "/member/wal"
            )
        }
        if form == .bbolt {
            try UpstreamFiles(disk: call.disk, directory: work + "/member")
                .write(backend, of: cluster)
            // The rows were only gathered there.
            backend.close()
            try onDisk { () throws(DiskError) in try call.disk.removeAll(work + "/member/store") }
        }
        return summary
    }

    private func report(_ summary: SnapshotSummary, seconds: Double) {
        let revision = summary.revision + rewriting.bumpRevision
        let milliseconds = Int64(seconds * 1000)
        switch call.format {
        case .json:
            StandardStream.output.write(
                "{\"dataDir\":\(JSONText.string(target)),\"revision\":\(revision),"
                    + "\"versions\":\(summary.versionCount),\"size\":\(summary.size),"
                    + "\"backend\":\"\(form.rawValue)\",\"memberID\":\"\(member.id)\","
                    + "\"clusterID\":\"\(cluster.clusterID)\","
                    + "\"milliseconds\":\(milliseconds)}\n"
            )
        case .simple, .table, .fields:
            let ignored = summary.ignoredBuckets.map { "\nignored: bucket \($0)" }.joined()
            StandardStream.output.write(
                """
                restored \(target) in \(milliseconds) ms: \
                \(summary.versionCount) versions of keys, \
                \(ByteText.readable(summary.size)), revision \(revision), in \(form.program)'s form
                member \(member.id) (\(name)) of cluster \(cluster.clusterID), \
                \(cluster.members.count) members\(ignored)

                """
            )
        }
    }

    private func onDisk<Result>(
        _ body: () throws(DiskError) -> Result
    ) throws(Fatal) -> Result {
        do {
            return try body()
        } catch {
            throw .disk(error)
        }
    }

    private func starting<Result>(
        _ body: () throws(StartError) -> Result
    ) throws(Fatal) -> Result {
        do {
            return try body()
        } catch {
            throw .start(error)
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
