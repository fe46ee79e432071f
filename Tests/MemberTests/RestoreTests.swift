import EtcdProto
import Foundation
import Keyspace
import Member
import Raft
import Storage
import TestKit
import Testing

/// A snapshot as the beginning of a new cluster.
@Suite struct RestoreTests {
    private static func cluster() throws -> InitialCluster {
        try InitialCluster(parsing: "a=http://a:1,b=http://b:1,c=http://c:1", token: "restored")
    }

    /// A snapshot file in memory, of a keyspace with members of its own.
    private func snapshot(
        _ seed: Seed,
        on disk: MemoryDisk
    ) throws -> (file: any DiskFile, owner: SnapshotTests.Owner) {
        let backend = MemoryBackend()
        let owner = try SnapshotTests.Owner(backend, seed)
        owner.write(SnapshotTests.memberRows)
        for _ in 0..<3 { try owner.work(100) }
        try disk.createDirectory("/s")
        let file = try disk.open("/s/snapshot.db", .create)
        let view = try backend.openView()
        _ = try SnapshotFile.write(view, to: file)
        return (file, owner)
    }

    private func restore(
        _ file: any DiskFile,
        _ rewriting: Startup.Rewriting,
        on disk: MemoryDisk
    ) throws -> (backend: MemoryBackend, summary: SnapshotSummary) {
        let cluster = try Self.cluster()
        let backend = MemoryBackend()
        let summary = try SnapshotFile.load(file, into: backend)
        try Startup.restore(
            backend,
            loaded: summary,
            as: cluster,
            member: cluster.members[1].id,
            rewriting: rewriting,
            on: disk,
            log: "/m/wal"
        )
        return (backend, summary)
    }

    @Test(arguments: Seed.batch(10))
    func `a member starts on a snapshot's keys as one of a new cluster`(seed: Seed) throws {
        let disk = MemoryDisk()
        let (file, owner) = try snapshot(seed, on: disk)
        let (backend, _) = try restore(file, Startup.Rewriting(), on: disk)
        let cluster = try Self.cluster()

        let opened = try Startup.open(
            StoreDirectories(in: "/m", on: disk) { _ throws(BackendError) in backend },
            on: disk,
            directory: "/m/wal",
            first: nil
        )
        #expect(opened.log.memberID == cluster.members[1].id)
        #expect(opened.log.clusterID == cluster.clusterID)
        #expect(opened.keyspace.revision == owner.keyspace.revision)
        #expect(try opened.keyspace.hashKV(at: 0) == owner.keyspace.hashKV(at: 0))
        #expect(opened.keyspace.consistentIndex == 3)
        let membership = try Membership(restoring: backend.openView())
        #expect(membership.members == cluster.members)
        #expect(membership.removed.isEmpty)
        #expect(membership.clusterVersion == nil)
        for bucket in [Bucket.lease, .alarm, .authUsers] {
            let before = owner.keyspace.bucketEntries(bucket)
            let after = opened.keyspace.bucketEntries(bucket)
            #expect(before.map { $0.key } == after.map { $0.key }, "\(bucket)")
        }
    }

    @Test(arguments: Seed.batch(10))
    func `a raised revision is above all that clients have seen`(seed: Seed) throws {
        let disk = MemoryDisk()
        let (file, owner) = try snapshot(seed, on: disk)
        var rewriting = Startup.Rewriting()
        rewriting.bumpRevision = 1_000
        rewriting.marksCompacted = true
        let (backend, summary) = try restore(file, rewriting, on: disk)
        #expect(summary.revision == owner.keyspace.revision)

        let keyspace = try Keyspace(backend: backend)
        let raised = summary.revision + 1_000
        #expect(keyspace.revision == raised)
        #expect(keyspace.compactRevision == raised)
        var request = RangeRequest()
        request.key = Data([0])
        request.rangeEnd = Data([0])
        let all = try keyspace.range(request)
        #expect(all.kvs == (try owner.keyspace.range(request)).kvs)
        request.revision = raised - 1
        #expect(throws: EtcdError.compacted) { try keyspace.range(request) }

        // The compaction that the mark stands for, and a restart behind it, change nothing of that.
        let hash = try keyspace.hashKV(at: 0)
        while keyspace.compactStep() == .working {}
        let batch = try #require(keyspace.sealBatch())
        try backend.commit(batch)
        keyspace.committed(batch.number)
        let again = try Keyspace(backend: backend)
        #expect(try again.hashKV(at: 0) == hash)
        #expect(again.revision == raised)
        request.revision = 0
        #expect(try again.range(request).kvs == all.kvs)
        let step = again.compactStep()
        #expect(step != .working)
    }

    @Test func `a revision that would overflow is refused`() throws {
        let disk = MemoryDisk()
        let (file, _) = try snapshot(Seed(1), on: disk)
        var rewriting = Startup.Rewriting()
        rewriting.bumpRevision = .max
        #expect(throws: StartError.self) { try restore(file, rewriting, on: disk) }
    }
}
