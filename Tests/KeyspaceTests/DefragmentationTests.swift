import Foundation
import Keyspace
import TestKit
import Testing

/// A backend gives unused space back, and a crash in it loses nothing.
@Suite struct DefragmentationTests {
    private static let mapSize = 1 << 26

    private func with(_ body: (_ directory: String) throws -> Void) throws {
        let directory = try TemporaryDirectory("keyspace-defragmentation")
        defer { directory.remove() }
        try body(directory.path)
    }

    private func open(_ directory: String) throws -> LMDBBackend {
        try LMDBBackend(directory: directory, mapSize: Self.mapSize)
    }

    private func batch(_ number: UInt64, puts: Range<Int64>, deletes: Range<Int64>) -> WriteBatch {
        var batch = WriteBatch(number: number)
        let value = [UInt8](repeating: 7, count: 2_000)
        batch.records = puts.map { .init(key: RecordKey(Revision(main: $0)), value: value) }
        batch.deletions = deletes.map { RecordKey(Revision(main: $0)) }
        batch.writes = [.init(bucket: .meta, key: [1], value: [UInt8(number)])]
        return batch
    }

    /// A store most of which has been deleted.
    private func filled(_ directory: String) throws -> LMDBBackend {
        let backend = try open(directory)
        try backend.commit(batch(1, puts: 2..<2_002, deletes: 0..<0))
        try backend.commit(batch(2, puts: 3_000..<3_010, deletes: 2..<1_902))
        try backend.renewReader()
        return backend
    }

    private func revisions(_ backend: any Backend) throws -> [Int64] {
        var found: [Int64] = []
        try backend.scan(.key, from: []) { key, _ in
            if let row = RecordKey(key) { found.append(row.revision.main) }
            return true
        }
        return found
    }

    private func revisions(_ view: any BackendView) throws -> [Int64] {
        var found: [Int64] = []
        try view.scan(.key, from: []) { key, _ in
            if let row = RecordKey(key) { found.append(row.revision.main) }
            return true
        }
        return found
    }

    private let left = Array(1_902..<2_002) + Array(3_000..<3_010) as [Int64]

    @Test func `the file becomes smaller and holds the same`() throws {
        try with { directory in
            let backend = try filled(directory)
            let before = backend.sizeOnDisk
            let view = try backend.openView()
            try backend.writeCompactCopy()
            try backend.adoptCompactCopy()
            #expect(backend.sizeOnDisk < before / 5)
            #expect(backend.sizeInUse <= backend.sizeOnDisk)
            #expect(try revisions(backend) == left)
            #expect(try backend.get(.meta, [1]) == [2])
            // Who reads the old file goes on with it.
            #expect(try revisions(view) == left)
            try backend.commit(batch(3, puts: 4_000..<4_001, deletes: 1_902..<1_903))
            try backend.renewReader()
            #expect(try revisions(backend) == left.dropFirst() + [4_000])
            #expect(try revisions(view) == left)
            view.close()
            // Again, with the first one's readers gone, and then as the next start finds it.
            try backend.writeCompactCopy()
            try backend.adoptCompactCopy()
            try backend.commit(batch(4, puts: 5_000..<5_001, deletes: 0..<0))
            backend.close()
            let next = try open(directory)
            #expect(try revisions(next) == left.dropFirst() + [4_000, 5_000])
            next.close()
        }
    }

    /// What is in the directory after a crash: the copy in the making, whole or cut; the lock file
    /// gone; the copy in place.
    @Test(arguments: ["half a copy", "a copy", "no lock", "in place"])
    func `a crash at any step leaves one good store`(step: String) throws {
        try with { directory in
            var backend = try filled(directory)
            try backend.writeCompactCopy()
            backend.close()
            let copy = "\(directory)/data.mdb.compact"
            let files = FileManager.default
            switch step {
            case "half a copy":
                let bytes = try readFile(copy)
                try Data(bytes.prefix(bytes.count / 2)).write(to: URL(fileURLWithPath: copy))
            case "a copy": break
            case "no lock": try files.removeItem(atPath: "\(directory)/lock.mdb")
            default:
                try files.removeItem(atPath: "\(directory)/lock.mdb")
                try files.removeItem(atPath: "\(directory)/data.mdb")
                try files.moveItem(atPath: copy, toPath: "\(directory)/data.mdb")
            }
            backend = try open(directory)
            #expect(try revisions(backend) == left)
            #expect(!files.fileExists(atPath: copy))
            try backend.commit(batch(3, puts: 4_000..<4_001, deletes: 0..<0))
            try backend.renewReader()
            #expect(try revisions(backend) == left + [4_000])
            backend.close()
        }
    }

    @Test func `a copy that cannot be written changes nothing`() throws {
        try with { directory in
            let backend = try filled(directory)
            defer { backend.close() }
            // A directory stands in the way.
            let copy = "\(directory)/data.mdb.compact"
            try FileManager.default.createDirectory(
                atPath: copy,
                withIntermediateDirectories: false
            )
            let error = #expect(throws: BackendError.self) { try backend.writeCompactCopy() }
            #expect(error?.path == copy)
            try backend.commit(batch(3, puts: 4_000..<4_001, deletes: 0..<0))
            try backend.renewReader()
            #expect(try revisions(backend) == left + [4_000])
        }
    }

    @Test func `readers that come and go do not fill LMDB's table over many copies`() throws {
        try with { directory in
            let backend = try filled(directory)
            defer { backend.close() }
            for number in 0..<20 as Range<UInt64> {
                let views = try (0..<10).map { _ in try backend.openView() }
                try backend.writeCompactCopy()
                try backend.adoptCompactCopy()
                let first = 4_000 + Int64(number)
                try backend.commit(batch(3 + number, puts: first..<first + 1, deletes: 0..<0))
                try backend.renewReader()
                for view in views { view.close() }
            }
            #expect(try revisions(backend).count == left.count + 20)
        }
    }

    @Test func `the whole store's checksum is that of its rows, not of its past`() throws {
        try with { directory in
            let backend = try filled(directory)
            defer { backend.close() }
            let view = try backend.openView()
            let hash = try StoreHash.run(on: view)
            let other = MemoryBackend()
            var all = batch(1, puts: 0..<0, deletes: 0..<0)
            let value = [UInt8](repeating: 7, count: 2_000)
            all.records = left.map { .init(key: RecordKey(Revision(main: $0)), value: value) }
            all.writes = [.init(bucket: .meta, key: [1], value: [2])]
            try other.commit(all)
            #expect(try StoreHash.run(on: other.openView()) == hash)
            // How far the log was applied does not count; anything else does.
            var progress = WriteBatch(number: 2)
            progress.writes = [
                .init(bucket: .meta, key: MetaKey.consistentIndex, value: [9]),
                .init(bucket: .meta, key: MetaKey.term, value: [9]),
                .init(bucket: .meta, key: MetaKey.storageVersion, value: [9]),
            ]
            try other.commit(progress)
            #expect(try StoreHash.run(on: other.openView()) == hash)
            var change = WriteBatch(number: 3)
            change.writes = [.init(bucket: .alarm, key: [9], value: [])]
            try other.commit(change)
            #expect(try StoreHash.run(on: other.openView()) != hash)
        }
    }
}
