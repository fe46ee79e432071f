import EtcdProto
import Foundation
import Keyspace
import Logging
import Member
import Raft
import Storage
import SwiftProtobuf
import Testing

/// What is left on the disks of one member of a cluster whose others are gone:
///
///     1 add a, 2 add b, 3 add c, 4, 5 put k1 |  6 put k2  | 7 put k3, 8 add learner d, 9 put k4
///     in the keyspace, in part               |  committed |  behind the commit index
struct LostMajority {
    static let log = "/data/member/wal"
    static let learner = MemberInfo(
        id: MemberID(rawValue: 0xD),
        peerURLs: ["http://d:1"],
        isLearner: true
    )

    let cluster: InitialCluster
    let own: MemberID
    let disk: MemoryDisk
    private let applied: MemoryDisk

    /// The files of member b, or of the learner d, who has the others' entries from them.
    init(ofLearner: Bool = false) throws {
        cluster = try InitialCluster(
            parsing: "a=http://a:1,b=http://b:1,c=http://c:1",
            token: "lost"
        )
        let b = try #require(cluster.member(named: "b")).id
        own = ofLearner ? Self.learner.id : b
        disk = MemoryDisk()
        let begun = try Startup.openLog(
            on: disk,
            directory: Self.log,
            first: ofLearner
                ? .join(cluster.clusterID, member: own) : .bootstrap(cluster, member: own),
            applied: .zero,
            segmentSize: 4096
        )
        defer { begun.wal.close() }
        if ofLearner { try begun.wal.append(cluster.bootstrapEntries, hardState: nil) }
        let change = ConfChange(
            kind: .addLearnerNode,
            node: Self.learner.id.node,
            context: Self.learner.json
        )
        let all = [
            Self.entry(4, []), Self.put(5, "k1"), Self.put(6, "k2"), Self.put(7, "k3"),
            Self.entry(8, change.encoded(), kind: .confChange), Self.put(9, "k4"),
        ]
        try begun.wal.append(Array(all[..<2]), hardState: Self.state(commit: 5))
        try begun.wal.sync()
        applied = disk.afterPowerLoss(seed: 1, tear: .nothing)
        try begun.wal.append(Array(all[2...]), hardState: Self.state(commit: 6))
        try begun.wal.sync()
    }

    static func state(commit: UInt64) -> HardState {
        HardState(
            term: Term(rawValue: 2),
            vote: NodeID(rawValue: 0xC),
            commit: LogIndex(rawValue: commit)
        )
    }

    private static func entry(
        _ index: UInt64,
        _ data: [UInt8],
        kind: Entry.Kind = .normal
    ) -> Entry {
        Entry(
            term: Term(rawValue: 2),
            index: LogIndex(rawValue: index),
            kind: kind,
            data: data
        )
    }

    private static func put(_ index: UInt64, _ key: String) -> Entry {
        var request = InternalRaftRequest()
        request.header.id = index
        request.put.key = Data(key.utf8)
        request.put.value = Data("value of \(key)".utf8)
        do {
            return entry(index, try request.serializedBytes())
        } catch {
            fatalError("a put cannot be encoded: \(error)")
        }
    }

    /// A keyspace that has taken the first five entries.
    func backend() throws -> MemoryBackend {
        let backend = MemoryBackend()
        let contents = try WAL.read(on: applied, directory: Self.log)
        let member = try Self.member(own, cluster.clusterID, contents, backend)
        try member.replay()
        #expect(member.appliedIndex.rawValue == 5)
        return backend
    }

    static func member(
        _ id: MemberID,
        _ cluster: ClusterID,
        _ contents: WAL.Contents,
        _ backend: MemoryBackend
    ) throws -> Member {
        try Member(
            configuration: MemberConfiguration(
                name: "b",
                memberID: id,
                clusterID: cluster,
                peerURLs: ["http://b:1"],
                clientURLs: ["http://b:2"],
                seed: 1,
                startMilliseconds: 1
            ),
            keyspace: Keyspace(backend: backend),
            backend: backend,
            contents: contents,
            logger: Logger(label: "b") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    func open(_ disk: MemoryDisk) throws -> Startup.OpenLog {
        try Startup.openLog(
            on: disk,
            directory: Self.log,
            first: nil,
            applied: LogIndex(rawValue: 5),
            segmentSize: 4096
        )
    }

    @discardableResult
    func force(_ disk: MemoryDisk) throws -> Startup.Forced {
        let forced = try Startup.force(
            open(disk),
            Keyspace(backend: backend()),
            peerURLs: ["http://b:1"],
            maxLearners: 1,
            on: disk,
            directory: Self.log,
            segmentSize: 4096
        )
        forced.log.wal.close()
        return forced
    }

    /// A start, up to where all that is committed is applied.
    func start(_ disk: MemoryDisk) throws -> Member {
        let log = try open(disk)
        log.wal.close()
        let member = try Self.member(log.memberID, log.clusterID, log.contents, backend())
        try member.replay()
        return member
    }
}

extension Member {
    /// The keys that exist.
    var keys: [String] {
        get throws {
            var request = RangeRequest()
            request.key = Data([0])
            request.rangeEnd = Data([0])
            return try keyspace.range(request).kvs.map { String(decoding: $0.key, as: UTF8.self) }
        }
    }
}
