import Keyspace
import Member
import Raft
import Server
import Storage
import Testing

/// The places of a keyspace, and a snapshot's rows taking the place of others.
@Suite struct StoreDirectoriesTests {
    private let directory: TemporaryDirectory
    private let disk = FileDisk()
    private let store: StoreDirectories

    init() throws {
        directory = try TemporaryDirectory()
        store = StoreDirectories(in: directory.path, on: disk) { directory throws(BackendError) in
            try LMDBBackend(directory: directory, mapSize: 16 << 20)
        }
    }

    /// Writes rows as of an index; without one, as a load that was cut off leaves them.
    private func write(_ index: UInt8?, into backend: any Backend) throws {
        var batch = WriteBatch(number: 1)
        batch.writes = [.init(bucket: .members, key: [1], value: [index ?? 0])]
        if let index {
            let value: [UInt8] = [0, 0, 0, 0, 0, 0, 0, index]
            batch.writes.append(.init(bucket: .meta, key: MetaKey.consistentIndex, value: value))
        }
        try backend.commit(batch)
        backend.close()
    }

    private func currentIndex() throws -> UInt64 {
        let backend = try store.open()
        defer { backend.close() }
        return try backend.consistentIndex().rawValue
    }

    @Test func `prepared rows take the place of the others`() throws {
        try write(3, into: store.open())
        #expect(try store.prepared()?.rawValue == nil)
        try write(9, into: store.prepare())
        #expect(try store.prepared()?.rawValue == 9)
        #expect(try currentIndex() == 3)
        try store.adopt()
        #expect(try currentIndex() == 9)
        #expect(try store.prepared()?.rawValue == nil)
        #expect(try disk.list(directory.path) == ["store"])
    }

    @Test func `rows that were not loaded to the end are not prepared`() throws {
        try write(nil, into: store.prepare())
        #expect(try store.prepared()?.rawValue == nil)
        try write(9, into: store.prepare())
        #expect(try store.prepared()?.rawValue == 9)
        try store.discard()
        #expect(try store.prepared()?.rawValue == nil)
    }

    @Test func `a crash between the two renames loses nothing`() throws {
        try write(3, into: store.open())
        try write(9, into: store.prepare())
        try disk.rename(directory.path + "/store", to: directory.path + "/store.replaced")
        #expect(try currentIndex() == 9)
        #expect(try disk.list(directory.path) == ["store"])
    }

    @Test func `a crash before the former rows are removed loses nothing`() throws {
        try write(3, into: store.open())
        try write(9, into: store.prepare())
        try disk.rename(directory.path + "/store", to: directory.path + "/store.replaced")
        try disk.rename(directory.path + "/store.incoming", to: directory.path + "/store")
        #expect(try currentIndex() == 9)
        #expect(try disk.list(directory.path) == ["store"])
    }
}
