import ClusterAPI
import Glibc
import Operator
import Storage
import TestKit
import Testing

/// Files that are read while they grow and are rolled over.
@Suite struct GrowingFileTests {
    /// A member's log as its writer, its operator and its reader have it.
    private struct Desk {
        let folder: TemporaryDirectory
        let log: MemberLog
        var reader: GrowingFile
        var descriptor: Int32
        /// All lines that were written, and the one that is not ended.
        var written: [String] = []
        var open = ""
        var seen: [String] = []
        var number = 0
        /// Since the last look; more than a few lose lines.
        var rollovers = 0

        init() throws {
            folder = try TemporaryDirectory("growing")
            let path = folder.path + "/log/member.log"
            log = MemberLog(path: path, disk: FileDisk(), maxBytes: 300)
            descriptor = try log.start()
            reader = GrowingFile(path: path, kept: 4, fromOldest: false, disk: FileDisk())
        }

        mutating func put(_ text: String) {
            let bytes = Array(text.utf8)
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            #expect(count == bytes.count)
            let lines = (open + text).split(separator: "\n", omittingEmptySubsequences: false)
            written += lines.dropLast().map(String.init)
            open = lines.last.map(String.init) ?? ""
        }

        mutating func look() throws {
            while true {
                let lines = try reader.next()
                let hasGap = reader.hasGap
                #expect(!hasGap)
                seen += lines.map { String(decoding: $0, as: UTF8.self) }
                if lines.isEmpty { break }
            }
            rollovers = 0
        }

        /// A file that ends within a line ends that line.
        private mutating func cutLine() {
            if !open.isEmpty { written.append(open) }
            open = ""
        }

        mutating func restart() throws {
            close(descriptor)
            descriptor = try log.start()
            cutLine()
            rollovers += 1
        }

        mutating func trim() throws {
            let size = try FileDisk().status(log.path)?.size ?? 0
            try log.trim()
            guard size > 300 else { return }
            cutLine()
            rollovers += 1
        }

        mutating func line() -> String {
            number += 1
            return "line \(number) " + String(repeating: "x", count: number % 40)
        }
    }

    @Test(arguments: Seed.batch(6))
    func `every line comes once and in order, over restarts and cuts`(seed: Seed) throws {
        var generator = seed.generator()
        var desk = try Desk()
        try desk.look()
        for _ in 0..<600 {
            switch generator.below(10) {
            case 0...3: desk.put(desk.line() + "\n")
            case 4: desk.put((0..<12).map { _ in desk.line() + "\n" }.joined())
            case 5: desk.put(desk.line())
            case 6 where desk.rollovers < 3: try desk.restart()
            case 7 where desk.rollovers < 3: try desk.trim()
            case 8: desk.put("\n")
            default: try desk.look()
            }
        }
        try desk.look()
        let differs = zip(desk.seen, desk.written).enumerated().first { $1.0 != $1.1 }?.offset
        #expect(differs == nil && desk.seen.count == desk.written.count)
        #expect(try String(decoding: desk.reader.unfinished(), as: UTF8.self) == desk.open)
        #expect(desk.number > 500)
        close(desk.descriptor)
        desk.folder.remove()
    }

    @Test func `a copy that is being made is not read twice`() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/log")
        func write(_ name: String, _ text: String, at offset: Int64) throws {
            let file = try disk.open("/log/\(name)", .createOrOpen)
            try file.write(Array(text.utf8), at: offset)
            file.close()
        }
        var reader = GrowingFile(path: "/log/a", kept: 4, fromOldest: false, disk: disk)
        func look() throws -> [String] {
            var lines: [String] = []
            while true {
                let new = try reader.next()
                if new.isEmpty { return lines }
                lines += new.map { String(decoding: $0, as: UTF8.self) }
            }
        }
        try write("a", "one\ntwo\n", at: 0)
        #expect(try look() == ["one", "two"])
        try write("a.1", "one\n", at: 0)
        #expect(try look().isEmpty)
        try write("a", "three\n", at: 8)
        #expect(try look() == ["three"])
        // What came before the cut is only in the copy.
        try write("a.1", "two\nthree\nfour\n", at: 4)
        let file = try disk.open("/log/a", .write)
        try file.truncate(to: 0)
        try file.write(Array("five\n".utf8), at: 0)
        #expect(try look() == ["four", "five"])
        #expect(!reader.hasGap)
    }

    @Test func `what was lost between two looks is told`() throws {
        var desk = try Desk()
        desk.put("first\n")
        try desk.look()
        for _ in 0..<6 {
            desk.put(desk.line() + "\n")
            try desk.restart()
        }
        desk.put("last\n")
        var lines: [String] = []
        var gaps: [Int] = []
        while true {
            let new = try desk.reader.next()
            if desk.reader.hasGap { gaps.append(lines.count) }
            if new.isEmpty { break }
            lines += new.map { String(decoding: $0, as: UTF8.self) }
        }
        // The first of these was written to the file that was being read; the second is lost.
        #expect(gaps == [0])
        let numbers = lines.map { $0.prefix(6) }
        #expect(numbers == ["line 1", "line 3", "line 4", "line 5", "line 6", "last"])
        close(desk.descriptor)
        desk.folder.remove()
    }

    @Test func `a file that is not there yet is waited for, and one that vanished is over`() throws
    {
        let disk = MemoryDisk()
        try disk.createDirectory("/log")
        var reader = GrowingFile(path: "/log/a", kept: 1, fromOldest: true, disk: disk)
        #expect(try reader.next().isEmpty)
        for round in 0..<3 {
            try disk.replace("/log/a", with: Array("round \(round)\n".utf8))
            #expect(try reader.next() == [Array("round \(round)".utf8)])
            #expect(try reader.next().isEmpty)
            try disk.remove("/log/a")
            #expect(try reader.next().isEmpty)
        }
    }

    @Test func `a line of any length is bounded`() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/log")
        try disk.replace("/log/a", with: [UInt8](repeating: 0x78, count: 1 << 20))
        var reader = GrowingFile(path: "/log/a", kept: 1, fromOldest: true, disk: disk)
        var total = 0
        while true {
            let lines = try reader.next()
            if lines.isEmpty { break }
            #expect(lines.allSatisfy { $0.count <= 1 << 18 })
            total += lines.reduce(0) { $0 + $1.count }
        }
        #expect(total == 1 << 20)
    }

    /// `events.jsonl` moves to `.1` above 256 KiB.
    @Test(arguments: Seed.batch(3))
    func `events are followed over the roll-over of their file`(seed: Seed) throws {
        let disk = MemoryDisk()
        let cluster = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
        var generator = seed.generator()
        var follower = cluster.followEvents()
        var seen: [String] = []
        let padding = String(repeating: "x", count: 20_000)
        for number in 0..<80 {
            let event = Event(
                time: Timestamp(seconds: Int64(number)),
                cluster: Sample.name,
                type: .normal,
                reason: "R\(number)",
                message: padding
            )
            try cluster.append(event)
            if generator.chance(0.3) { seen += try follower.next().map(\.reason) }
        }
        seen += try follower.next().map(\.reason)
        #expect(seen == (0..<80).map { "R\($0)" })
        #expect(try disk.status(cluster.path + "/events.jsonl.1") != nil)

        // One that comes later begins with the oldest that is left.
        var late = cluster.followEvents()
        let left = try late.next().map(\.reason)
        #expect(left == seen.suffix(left.count) && left.count > 12)
        #expect(try late.next().isEmpty)
    }

    @Test func `a torn line of the journal is not told, and what takes its place is`() throws {
        let disk = MemoryDisk()
        let cluster = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
        func entry(_ step: String) -> JournalEntry {
            JournalEntry(time: Timestamp(seconds: 1), step: step, reason: "r", result: "done")
        }
        try cluster.append(entry("a"))
        var follower = cluster.followJournal()
        let file = try disk.open(cluster.path + "/journal.jsonl", .write)
        try file.write(Array("{\"half\":".utf8), at: try file.size())
        file.close()
        #expect(try follower.next().map(\.step) == ["a"])
        try cluster.append(entry("b"))
        #expect(try follower.next().map(\.step) == ["b"])
    }
}
