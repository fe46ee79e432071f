import EtcdProto
import Foundation
import Keyspace
import Member
import Raft
import Storage
import TestKit
import Testing

/// Snapshot files of ours in a real etcd, and the other way round.
@Suite(.serialized) struct SnapshotEtcdTests {
    /// The hash that an etcd gives of its keyspace.
    private func hash(_ etcd: RealEtcd) async throws -> UInt32 {
        let answer = try await etcd.control(["endpoint", "hashkv", "-w=simple"]).output
        let field = try #require(answer.split(separator: ",").last)
        return try #require(UInt32(field.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test(.realEtcd, .timeLimit(.minutes(2)))
    func `a real etcd serves what a snapshot of ours holds`() async throws {
        let directory = try TemporaryDirectory("member-snapshot")
        defer { directory.remove() }
        try FileDisk().createDirectory("\(directory.path)/store")
        let backend = try LMDBBackend(directory: "\(directory.path)/store", mapSize: 1 << 28)
        defer { backend.close() }
        let owner = try SnapshotTests.Owner(backend, Seed(11))
        owner.write(SnapshotTests.memberRows)
        for number in 0..<2_000 { owner.put("key\(number)", Array("value\(number)".utf8)) }
        let large = String(repeating: "0123456789", count: 10_000)
        owner.put("large", Array(large.utf8))
        owner.apply { $0.deleteRange.key = Data("key3".utf8) }
        owner.apply { $0.compaction.revision = 900 }
        try owner.commit()
        while owner.keyspace.compactStep() == .working {}
        try owner.commit()
        let path = "\(directory.path)/ours.db"
        let file = try FileDisk().open(path, .create)
        let view = try backend.openView()
        let summary = try SnapshotFile.write(view, to: file)
        file.close()

        let status = try await RealEtcd.control(["snapshot", "status", path]).output
            .split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        try #require(status.count == 4)
        #expect(status[1] == "\(summary.revision)")

        let restored = "\(directory.path)/restored"
        try await RealEtcd.control([
            "snapshot", "restore", path, "--skip-hash-check", "--data-dir", restored,
            "--name", "default", "--initial-cluster", "default=\(RealEtcd.peer)",
            "--initial-advertise-peer-urls", RealEtcd.peer,
        ])
        try await RealEtcd.with(data: restored) { etcd in
            let found = try await etcd.control(["get", "key1999", "--print-value-only"])
            #expect(found.output == "value1999\n")
            #expect(try await etcd.control(["get", "key3"]).output.isEmpty)
            #expect(try await etcd.value(of: "large", is: large))
            let count = try await etcd.control([
                "get", "key", "--prefix", "--limit=1", "-w=fields",
            ])
            #expect(count.output.contains("\"Count\" : 1999"))
            // The restore forgets members, and has put nothing else in.
            #expect(try await hash(etcd) == owner.keyspace.hashKV(at: 0).hash)
            // Deleting is where a tree that bbolt does not expect would stop it.
            try await etcd.control(["del", "key", "--prefix"])
            try await etcd.control(["compact", "\(summary.revision + 1)", "--physical"])
            try await etcd.control(["defrag"])
        }
    }

    @Test(.realEtcd, .timeLimit(.minutes(2)))
    func `a snapshot of a real etcd has the same hash here`() async throws {
        let directory = try TemporaryDirectory("member-snapshot")
        defer { directory.remove() }
        let path = "\(directory.path)/theirs.db"
        var expected: UInt32 = 0
        try await RealEtcd.with(data: "\(directory.path)/data") { etcd in
            for number in 1...40 {
                try await etcd.control(["put", "key\(number % 9)", "value\(number)"])
            }
            try await etcd.control(["del", "key3"])
            try await etcd.control(["compact", "20", "--physical"])
            try await etcd.control(["snapshot", "save", path])
            expected = try await hash(etcd)
        }
        let backend = MemoryBackend()
        let summary = try SnapshotFile.load(try FileDisk().open(path, .read), into: backend)
        #expect(summary.revision == 42)
        #expect(summary.consistentIndex.rawValue > 40)
        let keyspace = try Keyspace(backend: backend)
        #expect(keyspace.compactRevision == 20)
        #expect(try keyspace.hashKV(at: 0).hash == expected)
    }
}
