import Storage
import TestKit
import Testing

extension EtcdTests {
    /// Real etcd's snapshot is read here, and real etcd takes one written here.
    @Test(.realEtcd, .timeLimit(.minutes(3)))
    func `snapshots go from etcd to us and back`() async throws {
        let directory = try TemporaryDirectory("storage-snapshot")
        defer { directory.remove() }
        let theirs = "\(directory.path)/theirs.db"
        let large = String(repeating: "0123456789", count: 3_000)
        try await RealEtcd.with(data: "\(directory.path)/first") { etcd in
            for number in 1...30 {
                try await etcd.control(["put", "key\(number)", "value\(number)"])
            }
            try await etcd.control(["put", "large", large])
            try await etcd.control(["del", "key3"])
            try await etcd.control(["lease", "grant", "1000"])
            try await etcd.control(["user", "add", "root:secret"])
            try await etcd.control(["snapshot", "save", theirs])
        }

        let found = try readSnapshot(on: FileDisk(), path: theirs)
        let names = Set(found.buckets.map(\.name))
        #expect(names.isSuperset(of: ["alarm", "auth", "authRoles", "authUsers", "cluster"]))
        #expect(names.isSuperset(of: ["key", "lease", "members", "members_removed", "meta"]))
        let keys = try #require(found.buckets.first { $0.name == "key" })
        #expect(keys.rows.count == 32)
        #expect(keys.rows.allSatisfy { $0.key.count == 17 || $0.key.count == 18 })
        #expect(keys.rows[4].value.contains(Array("value5".utf8)))
        #expect(keys.rows[30].value.contains(Array(large.utf8)))
        #expect(found.buckets.first { $0.name == "lease" }?.rows.count == 1)
        #expect(found.buckets.first { $0.name == "authUsers" }?.rows.count == 1)

        let ours = "\(directory.path)/ours.db"
        _ = try makeSnapshot(found.buckets, on: FileDisk(), path: ours)
        let again = try readSnapshot(on: FileDisk(), path: ours)
        #expect(again.buckets.map(\.rows) == found.buckets.map(\.rows))
        #expect(again.leakedPages == 0)

        // Hash, revision, number of rows: size alone differs.
        let statuses = try await [theirs, ours].asyncMap { path in
            try await RealEtcd.control(["snapshot", "status", path, "-w=simple"]).output
                .split(separator: ",").prefix(3).map(String.init)
        }
        #expect(statuses[0] == statuses[1])
        #expect(statuses[0].count == 3)

        let restored = "\(directory.path)/second"
        try await RealEtcd.control([
            "snapshot", "restore", ours, "--skip-hash-check", "--data-dir", restored,
            "--name", "default", "--initial-cluster", "default=\(RealEtcd.peer)",
            "--initial-advertise-peer-urls", RealEtcd.peer,
        ])
        try await RealEtcd.with(data: restored) { etcd in
            let value = try await etcd.control(["get", "key7", "--print-value-only"])
            #expect(value.output == "value7\n")
            #expect(try await etcd.value(of: "large", is: large))
            #expect(try await etcd.control(["get", "key3"]).output.isEmpty)
            #expect(try await etcd.control(["user", "list"]).output == "root\n")
            // Deleting rows is where a tree that bbolt does not expect would stop it.
            try await etcd.control(["del", "key", "--prefix"])
            try await etcd.control(["compact", "34"])
            try await etcd.control(["put", "after", "all"])
            try await etcd.control(["defrag"])
        }
    }
}

extension Array {
    fileprivate func asyncMap<Result>(
        _ transform: (Element) async throws -> Result
    ) async throws -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
