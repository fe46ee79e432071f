import Keyspace
import TestKit
import Testing

/// What a keyspace relies on, of either backend.
@Suite struct BackendTests {
    static let kinds = ["memory", "lmdb"]

    private func withStore(_ kind: String, _ body: (Store) throws -> Void) throws {
        guard kind == "lmdb" else { return try body(Store(directory: nil)) }
        let directory = try TemporaryDirectory("keyspace-backend")
        defer { directory.remove() }
        try body(Store(directory: directory.path))
    }

    private func batch(
        _ number: UInt64,
        records: [(main: Int64, value: String)] = [],
        deletions: [Int64] = [],
        writes: [(Bucket, String, String?)] = []
    ) -> WriteBatch {
        var batch = WriteBatch(number: number)
        batch.records = records.map {
            .init(key: RecordKey(Revision(main: $0.main)), value: Array($0.value.utf8))
        }
        batch.deletions = deletions.map { RecordKey(Revision(main: $0)) }
        batch.writes = writes.map { bucket, key, value in
            .init(bucket: bucket, key: Array(key.utf8), value: value.map { Array($0.utf8) })
        }
        return batch
    }

    private func rows(_ backend: any Backend, _ bucket: Bucket) throws -> [String] {
        var rows: [String] = []
        try backend.scan(bucket, from: []) { key, value in
            let name =
                RecordKey(key).map { "\($0.revision)" }
                ?? String(decoding: copy(key), as: UTF8.self)
            rows.append(name + "=" + String(decoding: copy(value), as: UTF8.self))
            return true
        }
        return rows
    }

    private func copy(_ bytes: Span<UInt8>) -> [UInt8] { bytes.indices.map { bytes[$0] } }

    @Test(arguments: kinds)
    func `reads see a commit from the next renewal on`(kind: String) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            try backend.commit(batch(1, records: [(2, "x")], writes: [(.meta, "a", "1")]))
            #expect(try rows(backend, .key) == [])
            #expect(try backend.get(.meta, Array("a".utf8)) == nil)
            try backend.renewReader()
            #expect(try rows(backend, .key) == ["2.0=x"])
            #expect(try backend.get(.meta, Array("a".utf8)) == Array("1".utf8))
        }
    }

    @Test(arguments: kinds)
    func `a batch appends, then deletes, then writes in order`(kind: String) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            try backend.commit(
                batch(
                    1,
                    records: [(2, "a"), (3, "b"), (4, "c")],
                    deletions: [3],
                    writes: [(.meta, "k", "1"), (.meta, "k", nil), (.meta, "k", "2")]
                )
            )
            try backend.commit(batch(2, records: [(5, "d")], deletions: [2]))
            try backend.renewReader()
            #expect(try rows(backend, .key) == ["4.0=c", "5.0=d"])
            #expect(try rows(backend, .meta) == ["k=2"])
        }
    }

    @Test(arguments: kinds)
    func `buckets keep apart and in order of keys`(kind: String) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            let writes = Bucket.small.flatMap { bucket in
                [(bucket, "b", bucket.rawValue), (bucket, "a\u{0}", "2"), (bucket, "a", "1")]
                    as [(Bucket, String, String?)]
            }
            try backend.commit(batch(1, writes: writes))
            try backend.renewReader()
            for bucket in Bucket.small {
                #expect(try rows(backend, bucket) == ["a=1", "a\u{0}=2", "b=\(bucket.rawValue)"])
            }
            var seen = 0
            try backend.scan(.auth, from: Array("a\u{0}".utf8)) { _, _ in
                seen += 1
                return false
            }
            #expect(seen == 1)
        }
    }

    @Test(arguments: kinds)
    func `what is committed is there after reopening`(kind: String) throws {
        try withStore(kind) { store in
            let first = try store.open()
            try first.commit(batch(1, records: [(2, "x")]))
            let second = try store.open()
            #expect(try rows(second, .key) == ["2.0=x"])
        }
    }

    @Test(arguments: kinds)
    func `a revision that is not new is refused and nothing of its batch stays`(
        kind: String
    ) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            try backend.commit(batch(1, records: [(5, "x")]))
            let error = #expect(throws: BackendError.self) {
                try backend.commit(batch(2, records: [(6, "y"), (4, "z")]))
            }
            #expect(error?.kind == .corrupted)
            try backend.renewReader()
            #expect(try rows(backend, .key) == ["5.0=x"])
        }
    }

    @Test(arguments: kinds)
    func `a version to delete that is not there is damage; in small buckets it is nothing`(
        kind: String
    ) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            try backend.commit(batch(1, records: [(5, "x")], writes: [(.auth, "none", nil)]))
            let error = #expect(throws: BackendError.self) {
                try backend.commit(batch(2, deletions: [4, 5]))
            }
            #expect(error?.kind == .corrupted)
            try backend.renewReader()
            #expect(try rows(backend, .key) == ["5.0=x"])
        }
    }

    @Test(arguments: kinds)
    func `a key that cannot be stored is an error that says so`(kind: String) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            let error = #expect(throws: BackendError.self) {
                try backend.commit(batch(1, writes: [(.auth, "", "x")]))
            }
            #expect(error?.kind == .badKey)
        }
    }

    @Test(arguments: kinds)
    func `a closed backend answers with an error`(kind: String) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            backend.close()
            backend.close()
            let error = #expect(throws: BackendError.self) { try backend.get(.key, [1]) }
            #expect(error?.kind == .closed)
            #expect(throws: BackendError.self) { try backend.commit(batch(1)) }
            #expect(throws: BackendError.self) { try backend.renewReader() }
        }
    }

    private func rows(_ view: any BackendView, _ bucket: Bucket) throws -> [String] {
        var rows: [String] = []
        try view.scan(bucket, from: []) { key, value in
            let name =
                RecordKey(key).map { "\($0.revision)" }
                ?? String(decoding: copy(key), as: UTF8.self)
            rows.append(name + "=" + String(decoding: copy(value), as: UTF8.self))
            return true
        }
        return rows
    }

    @Test(arguments: kinds)
    func `a view keeps what was committed when it was opened`(kind: String) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            try backend.commit(batch(1, records: [(2, "x")], writes: [(.meta, "a", "1")]))
            // Not renewed: a view shows the last commit all the same.
            let view = try backend.openView()
            for number in 2...50 as ClosedRange<UInt64> {
                try backend.commit(
                    batch(
                        number,
                        records: [(Int64(number) + 1, "y")],
                        deletions: [Int64(number)],
                        writes: [(.meta, "a", "\(number)")]
                    )
                )
                try backend.renewReader()
            }
            #expect(try rows(backend, .key) == ["51.0=y"])
            #expect(try rows(view, .key) == ["2.0=x"])
            #expect(try rows(view, .meta) == ["a=1"])
            let later = try backend.openView()
            #expect(try rows(later, .meta) == ["a=50"])
            view.close()
            view.close()
            let error = #expect(throws: BackendError.self) { try rows(view, .key) }
            #expect(error?.kind == .closed)
        }
    }

    @Test(arguments: kinds)
    func `a view outlives its backend`(kind: String) throws {
        try withStore(kind) { store in
            let backend = try store.open()
            try backend.commit(batch(1, records: [(2, "x")]))
            let view = try backend.openView()
            backend.close()
            #expect(try rows(view, .key) == ["2.0=x"])
            #expect(throws: BackendError.self) { try backend.openView() }
            view.close()
            #expect(try rows(store.open(), .key) == ["2.0=x"])
        }
    }

    @Test(arguments: kinds, Seed.batch(3))
    func `views are scanned on other threads while the backend commits`(
        kind: String,
        seed: Seed
    ) async throws {
        let directory = try TemporaryDirectory("keyspace-views")
        defer { directory.remove() }
        let store = Store(directory: kind == "lmdb" ? directory.path : nil)
        let backend = try store.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 1...30 as ClosedRange<Int64> {
                let first = round * 100
                let added = (first..<first + 100).map { (main: $0, value: "v\($0)") }
                let gone = round > 3 ? Array(first - 300..<first - 200) : []
                let text = "\(round)"
                let next = batch(
                    UInt64(round),
                    records: added,
                    deletions: gone,
                    writes: [(.meta, "round", text)]
                )
                try backend.commit(next)
                let view = try backend.openView()
                group.addTask {
                    defer { view.close() }
                    for _ in 0..<3 {
                        let found = try rows(view, .key)
                        let oldest = max(round - 2, 1) * 100
                        #expect(found.first == "\(oldest).0=v\(oldest)")
                        #expect(found.count == Int(first + 100 - oldest))
                        #expect(try rows(view, .meta) == ["round=\(text)"])
                    }
                }
                try backend.renewReader()
                #expect(try rows(backend, .meta) == ["round=\(text)"])
            }
            try await group.waitForAll()
        }
    }

    @Test func `a full map refuses the batch as a whole and goes on reading`() throws {
        let directory = try TemporaryDirectory("keyspace-full")
        defer { directory.remove() }
        let backend = try LMDBBackend(directory: directory.path, mapSize: 1 << 18)
        defer { backend.close() }
        let large = String(repeating: "v", count: 10_000)
        var next: Int64 = 2
        let error = #expect(throws: BackendError.self) {
            while next < 1_000 {
                try backend.commit(batch(1, records: [(next, large)]))
                next += 1
            }
        }
        #expect(error?.kind == .mapFull)
        #expect(error?.path == directory.path)
        #expect(error?.operation == "put into key")
        try backend.renewReader()
        #expect(try rows(backend, .key).count == Int(next - 2))
        #expect(backend.sizeInUse > 10_000)
        #expect(backend.sizeOnDisk <= 1 << 18)
        // Deleting frees pages, so that writing goes on.
        try backend.commit(batch(2, deletions: Array(2..<next)))
        try backend.renewReader()
        try backend.commit(batch(3))
        try backend.commit(batch(4, records: [(next, large)]))
    }

    @Test func `an error names operation, path and reason`() throws {
        let error = #expect(throws: BackendError.self) {
            try LMDBBackend(directory: "/nonexistent/store", mapSize: 1 << 20)
        }
        #expect(error?.kind == .notFound)
        #expect(
            error?.description == "backend /nonexistent/store: open: No such file or directory"
        )
    }
}
