import EtcdProto
import Foundation
import Keyspace
import Logging
import Member
import Raft
import Simulator
import Storage
import SwiftProtobuf
import TestKit
import Testing

/// A follower is sent a snapshot, and the power fails at any write, name or sync from the first row
/// that is loaded to the moment in which the member is up again with it; and again while it
/// recovers. Members, log and `StoreDirectories` are the real ones; only LMDB is not.
@Suite struct SnapshotInstallTests {
    static let installed = LogIndex(rawValue: 60)
    static let applied = LogIndex(rawValue: 10)

    /// With few entries that nobody has committed, and with such behind the snapshot's index.
    @Test(arguments: [14, 80] as [UInt64])
    func `a crash anywhere leaves the old state with its log, or the new one`(
        end: UInt64
    ) throws {
        let scenario = try Scenario(uncommittedTo: LogIndex(rawValue: end))
        var outcomes: Set<Bool> = []
        var crashes = 0
        for (number, moment) in scenario.moments.enumerated() {
            let isPromised = number >= scenario.promised
            try moment.forEachPowerLoss(.sectors) { after, loss in
                crashes += 1
                let when = "before change \(number), \(loss)"
                after.recordMoments()
                let isNew = try scenario.check(after, isPromised, when)
                outcomes.insert(isNew)
                // A few, to be done in seconds.
                guard crashes % 211 == 0 else { return }
                for (second, moment) in after.moments.enumerated() {
                    try moment.forEachPowerLoss(.sectors) { after, loss in
                        crashes += 1
                        let both = "\(when); then before change \(second), \(loss)"
                        _ = try scenario.check(after, isPromised, both)
                    }
                }
            }
        }
        #expect(outcomes == [true, false])
        #expect(scenario.moments.count > 20, "\(scenario.moments.count)")
        #expect(crashes > 300, "\(crashes)")
    }

    @Test func `nothing is promised before it is durable`() throws {
        let scenario = try Scenario(uncommittedTo: LogIndex(rawValue: 14))
        // The canary: an answer one sync early would be found.
        var isLost = false
        for moment in scenario.moments[..<scenario.promised] {
            try moment.forEachPowerLoss(.sectors) { after, _ in
                let follower = try Follower(on: after, scenario.rows, scenario.cluster)
                if follower.member.appliedIndex != Self.installed { isLost = true }
            }
        }
        #expect(isLost)
        let answers = scenario.follower.sent.filter { $0.kind == .appendResponse && !$0.reject }
        #expect(answers.last?.index == Self.installed)
    }
}

/// A snapshot that is installed without a crash, with the disk before each change.
private struct Scenario {
    let cluster: InitialCluster
    let follower: Follower
    let rows = RowArchive(keepsAll: true)
    /// The disk before each change.
    let moments: [MemoryDisk]
    /// From this one on the leader may have been told.
    let promised: Int
    private let uncommittedTo: LogIndex
    private let hashes: (old: UInt32, new: UInt32)

    init(uncommittedTo end: LogIndex) throws {
        uncommittedTo = end
        cluster = try InitialCluster(
            parsing: "a=http://a:1,b=http://b:1,c=http://c:1",
            token: "t"
        )
        let disk = MemoryDisk()
        follower = try Follower(on: disk, rows, cluster)
        try follower.append(from: 4, to: 10, commit: 10)
        try follower.append(from: 11, to: end.rawValue, commit: 10)
        #expect(follower.member.appliedIndex == SnapshotInstallTests.applied)
        hashes.old = try follower.hash()
        let file = try disk.open("/data/member/sent.db", .create)
        let (summary, hash) = try Self.write(file, from: follower, cluster)
        hashes.new = hash

        disk.recordMoments()
        try follower.store.prepare(file, as: summary.snapshot(data: []))
        let message = Raft.Message(
            kind: .snapshot,
            to: follower.member.memberID.node,
            from: try cluster.node("a"),
            term: Term(rawValue: 3),
            snapshot: summary.snapshot(data: [])
        )
        #expect(follower.member.install(message))
        let mustReopen = try follower.settle()
        #expect(mustReopen)
        promised = disk.momentCount
        try follower.reopen()
        #expect(follower.member.appliedIndex == SnapshotInstallTests.installed)
        moments = disk.moments
    }

    /// What the leader has: 50 entries more, and a member less.
    private static func write(
        _ file: any DiskFile,
        from follower: Follower,
        _ cluster: InitialCluster
    ) throws -> (SnapshotSummary, hash: UInt32) {
        let backend = MemoryBackend()
        let first = try MemoryDisk().open("/first", .create)
        _ = try SnapshotFile.write(follower.view(), to: first)
        _ = try SnapshotFile.load(first, into: backend)
        let keyspace = try Keyspace(backend: backend)
        let gone = Array(try #require(cluster.member(named: "c")).id.description.utf8)
        let group = ConfState(voters: [try cluster.node("a"), try cluster.node("b")].sorted())
        keyspace.applyBucketWrites(
            [
                (.members, gone, nil), (.membersRemoved, gone, Array("removed".utf8)),
                (.meta, MetaKey.confState, group.json),
            ],
            index: 11,
            term: 3
        )
        for index in 12...SnapshotInstallTests.installed.rawValue {
            _ = keyspace.apply(Follower.request(index), index: index, term: 3)
        }
        let batch = try #require(keyspace.sealBatch())
        try backend.commit(batch)
        keyspace.committed(batch.number)
        let summary = try SnapshotFile.write(backend.openView(), to: file)
        return (summary, try keyspace.hashKV(at: 0).hash)
    }

    /// Starts a member on the disk, which must be as it was or as the snapshot says; gives which.
    func check(_ disk: MemoryDisk, _ mustBeNew: Bool, _ when: String) throws -> Bool {
        do {
            let follower = try Follower(on: disk, rows, cluster)
            let member = follower.member
            let isNew = member.appliedIndex == SnapshotInstallTests.installed
            let isRight =
                try isNew
                ? follower.hash() == hashes.new && member.membership.members.count == 2
                    && member.confState.voters.count == 2
                    && member.lastLogIndex == SnapshotInstallTests.installed
                : follower.hash() == hashes.old && member.membership.members.count == 3
                    && member.appliedIndex == SnapshotInstallTests.applied
                    && member.lastLogIndex == uncommittedTo
            if !isRight {
                Issue.record("applied \(member.appliedIndex) of \(member.lastLogIndex): \(when)")
            }
            if mustBeNew && !isNew { Issue.record("the snapshot is gone: \(when)") }
            let names = try disk.list("/data/member").filter { $0.hasPrefix("store") }
            if names != ["store"] { Issue.record("\(names): \(when)") }
            // What it came up with, it keeps.
            let later = disk.afterPowerLoss(seed: 1, tear: .nothing)
            let again = try Follower(on: later, rows, cluster)
            if again.member.appliedIndex != member.appliedIndex {
                Issue.record("not durable: \(when)")
            }
            return isNew
        } catch {
            Issue.record(error, "\(when)")
            return false
        }
    }
}

/// The member `b` on a disk, with a shell that does everything at once.
private final class Follower {
    private let disk: MemoryDisk
    private let cluster: InitialCluster
    let store: StoreDirectories
    private(set) var member: Member
    private var wal: WAL
    private var backend: any Backend
    private(set) var sent: [Raft.Message] = []

    init(on disk: MemoryDisk, _ rows: RowArchive, _ cluster: InitialCluster) throws {
        self.disk = disk
        self.cluster = cluster
        store = StoreDirectories(in: "/data/member", on: disk) { path throws(BackendError) in
            try RowFile(in: path, on: disk, rows)
        }
        (member, wal, backend) = try Self.open(store, disk, cluster)
    }

    private static func open(
        _ store: StoreDirectories,
        _ disk: MemoryDisk,
        _ cluster: InitialCluster
    ) throws -> (Member, WAL, any Backend) {
        let id = try #require(cluster.member(named: "b")).id
        let (rows, keyspace, log) = try Startup.open(
            store,
            on: disk,
            directory: "/data/member/wal",
            first: .bootstrap(cluster, member: id),
            segmentSize: 4096
        )
        let member = try Member(
            configuration: MemberConfiguration(
                name: "b",
                memberID: log.memberID,
                clusterID: log.clusterID,
                peerURLs: ["http://b:1"],
                clientURLs: [],
                seed: 1,
                startMilliseconds: 1
            ),
            keyspace: keyspace,
            backend: rows,
            contents: log.contents,
            logger: Logger(label: "b") { _ in SwiftLogNoOpLogHandler() }
        )
        return (member, log.wal, rows)
    }

    /// The files are closed and opened again.
    func reopen() throws {
        wal.close()
        backend.close()
        (member, wal, backend) = try Self.open(store, disk, cluster)
    }

    func hash() throws -> UInt32 {
        try member.keyspace.hashKV(at: 0).hash
    }

    func view() throws -> any BackendView {
        try backend.openView()
    }

    static func request(_ index: UInt64) -> InternalRaftRequest {
        var request = InternalRaftRequest()
        request.header.id = index
        request.put.key = Data("k\(index % 7)".utf8)
        request.put.value = Data("v\(index)".utf8)
        return request
    }

    /// The leader of term 2 sends entries.
    func append(from first: UInt64, to last: UInt64, commit: UInt64) throws {
        var message = Raft.Message(
            kind: .append,
            to: member.memberID.node,
            from: try cluster.node("a"),
            term: Term(rawValue: 2)
        )
        message.index = LogIndex(rawValue: first - 1)
        message.logTerm = Term(rawValue: first == 4 ? 1 : 2)
        message.commit = LogIndex(rawValue: commit)
        for index in first...last {
            let data = try Self.request(index).serializedBytes() as [UInt8]
            message.entries.append(
                Entry(term: Term(rawValue: 2), index: LogIndex(rawValue: index), data: data)
            )
        }
        member.receive(message)
        _ = try settle()
    }

    /// Takes turns until nothing is left to do; true: but to be opened anew.
    func settle() throws -> Bool {
        while true {
            let turn = member.turn(backendDue: true)
            sent += turn.messages
            if turn.mustReopen { return true }
            if let (number, batch) = turn.log {
                if let marker = batch.marker { try wal.append(marker) }
                try wal.append(batch.entries, hardState: batch.hardState)
                try wal.sync()
                member.logged(number)
            }
            if let batch = turn.backend {
                try backend.commit(batch)
                member.committed(batch.number)
            }
            if turn.log == nil && turn.backend == nil && !turn.hasMore { return false }
        }
    }
}

extension InitialCluster {
    fileprivate func node(_ name: String) throws -> NodeID {
        try #require(member(named: name)).id.node
    }
}
