import Foundation
import Keyspace
import TestKit
import Testing

/// Pages that are not as they were written are found before LMDB, which would end the process, has
/// read them: a crash here ends all tests.
@Suite struct LMDBCheckTests {
    /// A store with tables of several levels, large values, and pages that are free.
    private static func example(_ path: String) throws -> (bytes: [UInt8], rows: Int) {
        let backend = try LMDBBackend(directory: path, mapSize: 64 << 20)
        for number in 1...25 as ClosedRange<UInt64> {
            var batch = WriteBatch(number: number)
            let first = Int64(number) * 100
            batch.records = (first..<first + 60).map { main in
                let size = main % 71 == 0 ? 9000 : 60
                return .init(
                    key: RecordKey(Revision(main: main)),
                    value: [UInt8](repeating: UInt8(truncatingIfNeeded: main), count: size)
                )
            }
            batch.deletions =
                number < 3
                ? [] : (first - 200..<first - 160).map { RecordKey(Revision(main: $0)) }
            batch.writes = [
                .init(bucket: .meta, key: Array("number".utf8), value: [UInt8(number)]),
                .init(bucket: .lease, key: Array("\(number)".utf8), value: [1]),
            ]
            try backend.commit(batch)
        }
        try backend.renewReader()
        let rows = try count(backend)
        backend.close()
        return (try readFile(path + "/data.mdb"), rows)
    }

    private static func count(_ backend: LMDBBackend) throws -> Int {
        var rows = 0
        for bucket in Bucket.allCases {
            try backend.scan(bucket, from: []) { _, _ in
                rows += 1
                return true
            }
        }
        return rows
    }

    /// Opens a store of these bytes and uses it; the rows that it has, or why it is refused.
    private func open(_ bytes: [UInt8]) throws -> Result<Int, BackendError> {
        let directory = try TemporaryDirectory("keyspace-check")
        defer { directory.remove() }
        try Data(bytes).write(to: URL(fileURLWithPath: directory.path + "/data.mdb"))
        do {
            let backend = try LMDBBackend(directory: directory.path, mapSize: 64 << 20)
            defer { backend.close() }
            return .success(try Self.count(backend))
        } catch let error as BackendError {
            return .failure(error)
        }
    }

    @Test func `whole stores are let through, large and small, whoever packed them`() throws {
        let directory = try TemporaryDirectory("keyspace-check")
        defer { directory.remove() }
        for _ in 0..<3 {
            let backend = try LMDBBackend(directory: directory.path, mapSize: 64 << 20)
            try backend.renewReader()
            backend.close()
        }
        try FileManager.default.removeItem(atPath: directory.path + "/data.mdb")
        let example = try Self.example(directory.path)
        #expect(try open(example.bytes).get() == example.rows)
        let backend = try LMDBBackend(directory: directory.path, mapSize: 64 << 20)
        try backend.writeCompactCopy()
        try backend.adoptCompactCopy()
        backend.close()
        let packed = try readFile(directory.path + "/data.mdb")
        #expect(packed.count < example.bytes.count)
        #expect(try open(packed).get() == example.rows)
    }

    @Test func `a page of zeros is found out, unless nothing needs it`() throws {
        let directory = try TemporaryDirectory("keyspace-check")
        defer { directory.remove() }
        let example = try Self.example(directory.path)
        var refused = 0
        for page in 0..<example.bytes.count / 4096 {
            var bytes = example.bytes
            bytes.replaceSubrange(
                page * 4096..<(page + 1) * 4096,
                with: repeatElement(0, count: 4096)
            )
            switch try open(bytes) {
            case .success(let rows): #expect(rows == example.rows)
            case .failure(let error):
                #expect(error.kind == .corrupted, "\(error)")
                refused += 1
            }
        }
        // The tables' pages and the heads, but neither free pages nor the inside of large values.
        #expect(refused > 20, "\(refused) of \(example.bytes.count / 4096)")
    }

    @Test func `a page in the place of another, and a file cut short, are found out`() throws {
        let directory = try TemporaryDirectory("keyspace-check")
        defer { directory.remove() }
        let example = try Self.example(directory.path)
        let leaf = try #require(
            (2..<example.bytes.count / 4096).first { page in
                var bytes = example.bytes
                bytes[page * 4096 + 9 + 1] = 0
                return (try? open(bytes).get()) == nil
            }
        )
        var bytes = example.bytes
        for index in 0..<4096 { bytes[leaf * 4096 + index] = bytes[4096 + index] }
        #expect(try refusal(bytes).contains("page \(leaf) "))
        bytes = Array(example.bytes.prefix(leaf * 4096 + 100))
        #expect(try refusal(bytes).contains("page"))
    }

    private func refusal(_ bytes: [UInt8]) throws -> String {
        guard case .failure(let error) = try open(bytes) else { return "none" }
        #expect(error.kind == .corrupted)
        return error.description
    }

    @Test(arguments: Fuzz.seeds)
    func `whatever the bytes are, the store opens or says that it is damaged`(seed: Seed) throws {
        let directory = try TemporaryDirectory("keyspace-check")
        defer { directory.remove() }
        let example = try Self.example(directory.path)
        let mutation = Mutation(maxCount: 4096)
        Fuzz.run(seed, rounds: 100) { random in
            var bytes = example.bytes
            let page = random.below(bytes.count / 4096)
            let place = page * 4096..<(page + 1) * 4096
            // Mostly the beginning, where offsets and counts are.
            let part =
                random.chance(0.7)
                ? place.lowerBound..<place.lowerBound + 64 : random.chance(0.5) ? place : 0..<8192
            var changed = mutation.apply(to: Array(bytes[part]), &random)
            changed = Array((changed + Array(bytes[part])).prefix(part.count))
            bytes.replaceSubrange(part, with: changed)
            do {
                if case .failure(let error) = try open(bytes) {
                    #expect([.corrupted, .other].contains(error.kind), "\(error)")
                }
            } catch {
                Issue.record("\(error)")
            }
        }
    }
}
