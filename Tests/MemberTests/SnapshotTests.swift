import EtcdProto
import Foundation
import Keyspace
import Member
import Raft
import Storage
import TestKit
import Testing

/// Keyspaces to snapshot files and back.
@Suite struct SnapshotTests {
    /// A row of any bucket.
    struct Row: Equatable {
        let key: [UInt8]
        let value: [UInt8]
    }

    static let kinds = ["memory", "lmdb"]

    private static func copy(_ bytes: Span<UInt8>) -> [UInt8] { bytes.indices.map { bytes[$0] } }

    private static func rows(_ view: any BackendView) throws -> [Bucket: [Row]] {
        var rows: [Bucket: [Row]] = [:]
        for bucket in Bucket.allCases {
            rows[bucket] = []
            try view.scan(bucket, from: []) { key, value in
                rows[bucket]?.append(Row(key: copy(key), value: copy(value)))
                return true
            }
        }
        return rows
    }

    /// A keyspace with an owner that seals and commits as a member does.
    final class Owner {
        let backend: any Backend
        private(set) var keyspace: Keyspace
        private var random: Generator
        private var index: UInt64 = 0

        init(_ backend: any Backend, _ seed: Seed) throws {
            self.backend = backend
            keyspace = try Keyspace(backend: backend)
            random = seed.generator()
        }

        func key() -> String { "registry/\(random.below(200))" }

        func put(_ key: String, _ value: [UInt8], lease: Int64 = 0) {
            apply { request in
                request.put.key = Data(key.utf8)
                request.put.value = Data(value)
                request.put.lease = lease
            }
        }

        private var leases: [Int64] = []

        func grant(_ lease: Int64) {
            apply { request in
                request.leaseGrant.id = lease
                request.leaseGrant.ttl = 60
            }
            leases.append(lease)
        }

        func apply(_ fill: (inout InternalRaftRequest) -> Void) {
            index += 1
            var request = InternalRaftRequest()
            fill(&request)
            _ = keyspace.apply(request, index: index, term: 3)
        }

        func write(_ rows: [(bucket: Bucket, key: [UInt8], value: [UInt8]?)]) {
            index += 1
            keyspace.applyBucketWrites(rows, index: index, term: 3)
        }

        /// Some random entries, and a commit.
        func work(_ entries: Int) throws {
            for _ in 0..<entries {
                switch random.below(20) {
                case 0: apply { $0.deleteRange.key = Data(key().utf8) }
                case 1:
                    let below = keyspace.revision - Int64(random.below(50))
                    apply { $0.compaction.revision = below }
                case 2: put(key(), random.bytes(random.below(20_000)))
                case 3: grant(Int64(random.below(1_000)) + 1)
                case 6: put(key(), random.bytes(20), lease: leases.last ?? 0)
                case 4: write([(.alarm, random.bytes(4), [])])
                case 5: write([(.authUsers, Array("u\(random.below(9))".utf8), random.bytes(90))])
                default: put(key(), random.bytes(random.below(300)))
                }
            }
            for _ in 0..<random.below(4) { _ = keyspace.compactStep() }
            try commit()
        }

        func commit() throws {
            guard let batch = keyspace.sealBatch() else { return }
            try backend.commit(batch)
            keyspace.committed(batch.number)
        }
    }

    /// The records of members as a member would write them.
    static let memberRows: [(bucket: Bucket, key: [UInt8], value: [UInt8]?)] = {
        let members = [
            MemberInfo(
                id: MemberID(rawValue: 0x8e9e_05c5_2164_694d),
                peerURLs: ["http://localhost:2380"],
                name: "a",
                clientURLs: ["http://localhost:2379"]
            ),
            MemberInfo(id: MemberID(rawValue: 0xFFFF), peerURLs: ["http://b:1"], isLearner: true),
        ]
        return members.map { (.members, Array($0.id.description.utf8), $0.json) } + [
            (.membersRemoved, Array("77".utf8), Array("removed".utf8)),
            (.cluster, Array("clusterVersion".utf8), Array("3.5.0".utf8)),
            (
                .meta, MetaKey.confState,
                Array(
                    #"{"voters":[10276657743932975437],"learners":[65535],"auto_leave":false}"#.utf8
                )
            ),
        ]
    }()

    private func openBackend(_ kind: String, _ directory: String) throws -> any Backend {
        if kind == "memory" { return MemoryBackend() }
        try FileDisk().createDirectory(directory)
        return try LMDBBackend(directory: directory, mapSize: 1 << 28)
    }

    @Test(arguments: kinds, Seed.batch(8))
    func `a keyspace goes through a file into another backend while it goes on`(
        kind: String,
        seed: Seed
    ) async throws {
        let directory = try TemporaryDirectory("member-snapshot")
        defer { directory.remove() }
        let backend = try openBackend(kind, "\(directory.path)/first")
        let owner = try Owner(backend, seed)
        owner.write(Self.memberRows)
        for _ in 0..<5 { try owner.work(200) }

        let view = try backend.openView()
        let before = try Self.rows(view)
        let hash = try owner.keyspace.hashKV(at: 0)
        let index = owner.keyspace.consistentIndex
        let leases = owner.keyspace.allLeases
        #expect(leases.contains { !$0.sortedKeys.isEmpty })
        let file = try FileDisk().open("\(directory.path)/snapshot.db", .create)
        async let written = Task {
            defer { view.close() }
            return try SnapshotFile.write(view, to: file)
        }.value
        for _ in 0..<10 { try owner.work(100) }
        let summary = try await written
        #expect(owner.keyspace.consistentIndex > index)
        #expect(summary.consistentIndex.rawValue == index)
        #expect(summary.term.rawValue == 3)
        #expect(summary.confState?.voters == [NodeID(rawValue: 10_276_657_743_932_975_437)])
        #expect(summary.confState?.learners == [NodeID(rawValue: 65_535)])
        #expect(summary.revision == hash.hashedRevision)
        #expect(summary.versionCount == before[.key]?.count)
        #expect(try summary.size == file.size())

        let second = try openBackend(kind, "\(directory.path)/second")
        #expect(try SnapshotFile.load(file, into: second) == summary)
        let after = try Self.rows(second.openView())
        for bucket in Bucket.allCases { #expect(after[bucket] == before[bucket], "\(bucket)") }
        let keyspace = try Keyspace(backend: second)
        #expect(try keyspace.hashKV(at: 0) == hash)
        #expect(keyspace.consistentIndex == index)
        #expect(keyspace.bucketEntries(.members).count == 2)
        #expect(keyspace.allLeases.map(\.id) == leases.map(\.id))
        #expect(keyspace.allLeases.map(\.sortedKeys) == leases.map(\.sortedKeys))
        let names = try BoltReader(file).bucketNames
        #expect(Set(names) == Set(Bucket.allCases.map(\.rawValue)))
        backend.close()
        second.close()
    }

    @Test func `an empty keyspace is a snapshot with ten empty buckets`() throws {
        let disk = MemoryDisk()
        let file = try disk.open("/snapshot", .create)
        let summary = try SnapshotFile.write(MemoryBackend().openView(), to: file)
        #expect(summary.revision == 1)
        #expect(summary.consistentIndex == .zero)
        #expect(summary.confState == nil)
        let backend = MemoryBackend()
        #expect(try SnapshotFile.load(file, into: backend) == summary)
        #expect(try Keyspace(backend: backend).revision == 1)
    }

    // MARK: What is refused

    /// A file of the given buckets.
    private func file(_ buckets: [(String, [(key: [UInt8], value: [UInt8])])]) throws
        -> any DiskFile
    {
        let file = try MemoryDisk().open("/snapshot", .create)
        let writer = BoltWriter(file)
        for (name, rows) in buckets {
            try writer.begin(bucket: name)
            for row in rows { try add(row.key, row.value, to: writer) }
        }
        _ = try writer.finish()
        return file
    }

    private func add(_ key: [UInt8], _ value: [UInt8], to writer: BoltWriter) throws {
        try writer.add(key.span, value.span)
    }

    private func load(_ buckets: [(String, [(key: [UInt8], value: [UInt8])])]) throws
        -> (backend: MemoryBackend, error: SnapshotError?)
    {
        let backend = MemoryBackend()
        let file = try file(buckets)
        let error = #expect(throws: SnapshotError.self) {
            try SnapshotFile.load(file, into: backend)
        }
        return (backend, error)
    }

    private static let record: [UInt8] = [0x0A, 1, 0x61, 0x10, 2, 0x18, 2, 0x20, 1]
    private static let row = RecordKey(Revision(main: 2)).bytes
    private static let index: (key: [UInt8], value: [UInt8]) =
        (MetaKey.consistentIndex, [0, 0, 0, 0, 0, 0, 0, 9])

    @Test func `a bucket that nobody knows is left out and named`() throws {
        let file = try file([
            ("key", [(Self.row, Self.record)]), ("meta", [Self.index]),
            ("test", [([1], [2])]), ("zebra", []),
        ])
        let backend = MemoryBackend()
        let summary = try SnapshotFile.load(file, into: backend)
        #expect(summary.ignoredBuckets == ["test", "zebra"])
        #expect(summary.consistentIndex.rawValue == 9)
        #expect(summary.term == .zero)
        #expect(try Keyspace(backend: backend).revision == 2)
    }

    @Test func `a file without key or meta is no snapshot`() throws {
        #expect(try load([("key", [])]).error == .missing(.meta))
        #expect(try load([("meta", [])]).error == .missing(.key))
        #expect(try load([]).error == .missing(.key))
    }

    @Test func `a bad row is refused and leaves no consistent index`() throws {
        let good = (0..<20_000).map { number in
            (key: RecordKey(Revision(main: 2, sub: number)).bytes, value: Self.record)
        }
        for bad in [
            (key: [9] as [UInt8], value: Self.record),
            (key: RecordKey(Revision(main: 9)).bytes, value: [0xFF]),
            (key: RecordKey(Revision(main: 9)).bytes, value: Self.record),
        ] {
            let (backend, error) = try load([("key", good + [bad]), ("meta", [Self.index])])
            guard case .row(.corrupt(.key, bad.key, _)) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            let rows = try Self.rows(backend.openView())
            #expect(rows[.key]?.isEmpty == false)
            #expect(rows[.meta]?.isEmpty == true)
        }
    }

    @Test func `bad records of meta are refused`() throws {
        for key in [MetaKey.consistentIndex, MetaKey.term, MetaKey.confState] {
            let error = try load([("key", []), ("meta", [(key, [1])])]).error
            guard case .badMeta = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        let large = (0..<20_000).map { number in
            (key: RecordKey(Revision(main: Int64(number))).bytes, value: Self.record)
        }
        guard case .badMeta("*", _) = try load([("key", []), ("meta", large)]).error else {
            Issue.record("a large bucket meta was taken")
            return
        }
    }

    @Test func `a backend with anything in it is not loaded into`() throws {
        let backend = MemoryBackend()
        var batch = WriteBatch(number: 1)
        batch.writes = [.init(bucket: .auth, key: [1], value: [1])]
        try backend.commit(batch)
        try backend.renewReader()
        let file = try file([("key", []), ("meta", [])])
        #expect(throws: SnapshotError.notEmpty(.auth)) {
            try SnapshotFile.load(file, into: backend)
        }
    }

    @Test func `a file that is damaged in its middle is refused`() throws {
        let disk = MemoryDisk()
        let file = try disk.open("/snapshot", .create)
        let owner = try Owner(MemoryBackend(), Seed(5))
        try owner.work(800)
        let summary = try SnapshotFile.write(owner.backend.openView(), to: file)
        for page in stride(from: 2, to: summary.size / 4096 - 1, by: 7) {
            let copy = try disk.open("/copy\(page)", .create)
            try copy.write(disk.read("/snapshot"), at: 0)
            try copy.write([UInt8](repeating: 0xFF, count: 12), at: page * 4096)
            let backend = MemoryBackend()
            // A page of a large value has no head, so damage there is damage of the value only.
            do throws(SnapshotError) {
                _ = try SnapshotFile.load(copy, into: backend)
            } catch {
                #expect(try Self.rows(backend.openView())[.meta] == [])
            }
        }
    }
}
