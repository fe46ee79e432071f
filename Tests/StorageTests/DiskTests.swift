import Storage
import TestKit
import Testing

/// Both disks do the same.
@Suite struct DiskTests {
    enum Subject: CaseIterable {
        case file
        case memory
    }

    private func withDisk(
        _ subject: Subject,
        _ body: (any Disk, String) throws -> Void
    ) throws {
        switch subject {
        case .memory:
            let disk = MemoryDisk()
            try disk.createDirectory("/tmp/it")
            try body(disk, "/tmp/it")
        case .file:
            let directory = try TemporaryDirectory("storage-disk")
            defer { directory.remove() }
            try body(FileDisk(), directory.path)
        }
    }

    private func kind(_ body: () throws -> Void) -> DiskError.Kind? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DiskError)?.kind
        }
    }

    @Test(arguments: Subject.allCases)
    func `files are written, read, cut and listed`(subject: Subject) throws {
        try withDisk(subject) { disk, root in
            try disk.createDirectory("\(root)/a/b")
            try disk.createDirectory("\(root)/a/b/")
            let file = try disk.open("\(root)/a/b/f", .create)
            try file.write([1, 2, 3], at: 0)
            try file.write([9], at: 5)
            try file.sync()
            #expect(try file.size() == 6)
            #expect(try file.read(at: 1, count: 100) == [2, 3, 0, 0, 9])
            #expect(try file.read(at: 7, count: 1) == [])
            try file.truncate(to: 2)
            #expect(try disk.read("\(root)/a/b/f") == [1, 2])
            _ = try disk.open("\(root)/a/b/E", .createOrOpen)
            #expect(try disk.list("\(root)/a/b") == ["E", "f"])
            try disk.rename("\(root)/a/b/f", to: "\(root)/a/b/E")
            try disk.syncDirectory("\(root)/a/b")
            #expect(try disk.read("\(root)/a/b/E") == [1, 2])
            try disk.removeAll("\(root)/a")
            #expect(try disk.status("\(root)/a") == nil)
        }
    }

    @Test(arguments: Subject.allCases)
    func `status tells files, directories and replacements apart`(subject: Subject) throws {
        try withDisk(subject) { disk, root in
            #expect(try disk.status("\(root)/f") == nil)
            try disk.replace("\(root)/f", with: [1, 2])
            let first = try #require(try disk.status("\(root)/f"))
            #expect(first.size == 2 && !first.isDirectory)
            #expect(try disk.status(root)?.isDirectory == true)
            #expect(try disk.status(root)?.device == first.device)
            try disk.replace("\(root)/f", with: [3])
            #expect(try disk.status("\(root)/f")?.inode != first.inode)
            #expect(try disk.read("\(root)/f") == [3])
            #expect(try disk.list(root) == ["f"])
        }
    }

    @Test(arguments: Subject.allCases)
    func `errors say what kind they are`(subject: Subject) throws {
        try withDisk(subject) { disk, root in
            try disk.replace("\(root)/f", with: [1, 2, 3])
            #expect(kind { _ = try disk.open("\(root)/none", .read) } == .notFound)
            #expect(kind { _ = try disk.open("\(root)/none", .write) } == .notFound)
            #expect(kind { _ = try disk.open("\(root)/f", .create) } == .alreadyExists)
            #expect(kind { _ = try disk.list("\(root)/none") } == .notFound)
            #expect(kind { try disk.rename("\(root)/none", to: "\(root)/x") } == .notFound)
            #expect(kind { try disk.remove("\(root)/none") } == .notFound)
            #expect(kind { _ = try disk.read("\(root)/f", maxSize: 2) } == .tooLarge)
            #expect(kind { try disk.createDirectory("\(root)/f") } == .alreadyExists)
            let file = try disk.open("\(root)/f", .read)
            #expect(kind { try file.write([1], at: 0) } == .other)
            file.close()
            #expect(kind { _ = try file.read(at: 0, count: 1) } == .other)
            let error = #expect(throws: DiskError.self) { try disk.remove("\(root)/none") }
            #expect(error?.description.contains("cannot remove \(root)/none: ") == true)
        }
    }

    @Test(arguments: Subject.allCases)
    func `a lock is held by one`(subject: Subject) throws {
        try withDisk(subject) { disk, root in
            let lock = try disk.lock("\(root)/lock")
            #expect(kind { _ = try disk.lock("\(root)/lock") } == .locked)
            lock.release()
            let again = try disk.lock("\(root)/lock")
            again.release()
        }
    }

    @Test(arguments: Subject.allCases)
    func `free space is known`(subject: Subject) throws {
        try withDisk(subject) { disk, root in
            let bytes = try disk.freeSpace(root)
            #expect(bytes > 0)
        }
    }

    @Test func `a full disk refuses and frees again`() throws {
        let disk = MemoryDisk(capacity: 10)
        try disk.replace("/f", with: [UInt8](repeating: 1, count: 8))
        #expect(try disk.freeSpace("/") == 2)
        #expect(kind { try disk.replace("/g", with: [1, 2, 3]) } == .noSpace)
        try disk.remove("/f")
        try disk.replace("/g", with: [1, 2, 3])
        #expect(try disk.freeSpace("/") == 7)
    }

    @Test(arguments: Seed.batch(50))
    func `a replaced file is the old or the new one after any crash`(seed: Seed) throws {
        let old = [UInt8](repeating: 1, count: 2000)
        let new = [UInt8](repeating: 2, count: 3000)
        for syncs in 2...4 {
            let disk = MemoryDisk(crashAfterSyncs: syncs)
            try disk.replace("/f", with: old)
            let isDone = kind { try disk.replace("/f", with: new) } == nil
            let after = try disk.afterPowerLoss(seed: seed.value).read("/f")
            #expect(isDone ? after == new : after == old || after == new)
            #expect(isDone == (syncs == 4))
        }
    }

    @Test func `names and contents that were not synced can be lost`() throws {
        let disk = MemoryDisk()
        let file = try disk.open("/f", .create)
        try file.write([1], at: 0)
        try file.sync()
        #expect(try disk.afterPowerLoss(seed: 1, tear: .nothing).status("/f") == nil)
        #expect(try disk.afterPowerLoss(seed: 1, tear: .everything).read("/f") == [1])
        try disk.syncDirectory("/")
        try file.write([2], at: 0)
        #expect(try disk.afterPowerLoss(seed: 1, tear: .nothing).read("/f") == [1])
        disk.failSync()
        #expect(kind { try file.sync() } == .ioFailure)
        try file.sync()
        #expect(try disk.read("/f") == [2])
        #expect(try disk.afterPowerLoss(seed: 1, tear: .everything).read("/f") == [1])
    }

    @Test(arguments: Seed.batch(20))
    func `a journal keeps acknowledged lines at any crash`(seed: Seed) throws {
        for syncs in 0...12 {
            let disk = MemoryDisk(crashAfterSyncs: syncs)
            var acknowledged: [String] = []
            let wanted = (0..<9).map { "line \($0) " + String(repeating: "x", count: $0 * 100) }
            do {
                let (journal, lines) = try Journal.open(on: disk, path: "/j")
                #expect(lines == [])
                for line in wanted {
                    try journal.append(line)
                    acknowledged.append(line)
                }
            } catch {
                #expect(error.kind == .crashed)
            }
            let after = disk.afterPowerLoss(seed: seed.value)
            let (journal, lines) = try Journal.open(on: after, path: "/j")
            #expect(lines.count >= acknowledged.count && wanted.starts(with: lines))
            try journal.append("more")
            #expect(try Journal.open(on: after, path: "/j").lines == lines + ["more"])
        }
    }

    @Test func `a damaged line of a journal is no torn one`() throws {
        let disk = MemoryDisk()
        let journal = try Journal.open(on: disk, path: "/j").journal
        try journal.append("one")
        try journal.append("two")
        try disk.rot("/j", at: 10, bit: 0)
        #expect(kind { _ = try Journal.open(on: disk, path: "/j") } == .other)
    }
}
