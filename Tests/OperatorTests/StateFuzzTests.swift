import ClusterAPI
import Operator
import Planning
import Storage
import TestKit
import Testing

/// The operator's state files with any damage, also with damage that the checksum does not show
/// (another program wrote them): refused, or read as what can be written again.
/// `FUZZ_SECONDS=n` and `SEED=n` as in `Fuzz`.
@Suite struct StateFuzzTests {
    private static let words: [String] = [
        "{", "}", "[", "]", ":", ",", "\"", "null", "true", "-1", "1e999", "18446744073709551616",
        "\\u0000", "\\ud800", "\"phase\":", "\"slots\":", "\"number\":", "9223372036854775807",
    ]
    private let mutation = Mutation(words: words.map { Array($0.utf8) }, maxCount: 1 << 14)

    @Test(arguments: Fuzz.seeds)
    func `a damaged record is refused`(seed: Seed) throws {
        let bytes = StateFile.encode(Sample.record(phase: .started))
        let original = Sample.record(phase: .started)
        Fuzz.run(seed, rounds: 3000) { generator in
            let changed = mutation.apply(to: bytes, mixing: bytes, &generator)
            if let read = try? StateFile.decode(ClusterRecord.self, from: changed) {
                #expect(read == original)
            }
        }
    }

    @Test(arguments: Fuzz.seeds)
    func `a record with any content and a fitting checksum is refused or can be written again`(
        seed: Seed
    ) throws {
        let file = StateFile.encode(Sample.record(phase: .bootstrapped))
        let head = "{\"format\":\(StateFile.format),\"crc32c\":\"12345678\",\"body\":".utf8.count
        let body = Array(file[head...].dropLast(2))
        var readCount = 0
        try Fuzz.run(seed, rounds: 3000) { generator in
            let changed = mutation.apply(to: body, mixing: body, &generator)
            guard
                let read = try? StateFile.decode(ClusterRecord.self, from: wrapped(changed))
            else { return }
            readCount += 1
            let again = try StateFile.decode(ClusterRecord.self, from: StateFile.encode(read))
            if again != read { Issue.record("\(read) comes back as \(again)") }
        }
        #expect(readCount > 10)
    }

    @Test(arguments: Fuzz.seeds)
    func `damaged lines of events and of the journal are passed over, and the rest is read`(
        seed: Seed
    ) throws {
        let folder = try TemporaryDirectory("state-fuzz")
        defer { folder.remove() }
        let state = try StateDirectory(creating: folder.path)
        let cluster = state.cluster(Sample.name)
        let entry = JournalEntry(
            time: Timestamp(seconds: 1_800_000_000),
            step: "start",
            reason: "it is down",
            result: "done"
        )
        try Fuzz.run(seed, rounds: 20) { generator in
            let path = cluster.path + "/journal.jsonl"
            for _ in 0..<3 { try cluster.append(entry) }
            let bytes = try FileDisk().read(path)
            let changed = mutation.apply(to: bytes, mixing: bytes, &generator)
            try FileDisk().replace(path, with: changed)
            _ = try cluster.journal()
            // What is written next is on a line of its own, whatever stood at the end.
            try cluster.append(entry)
            #expect(try cluster.journal().last == entry)
            try FileDisk().remove(path)
        }
    }

    @Test func `nesting costs no stack`() {
        for open in ["[", "{\"a\":"] {
            let deep = Array(String(repeating: open, count: 500_000).utf8)
            #expect(throws: StateFile.Unusable.self) {
                try StateFile.decode(ClusterRecord.self, from: wrapped(deep))
            }
        }
    }

    private func wrapped(_ body: [UInt8]) -> [UInt8] {
        var sum = CRC32C()
        sum.update(body)
        let digits = String(sum.value, radix: 16)
        let padded = String(repeating: "0", count: 8 - digits.count) + digits
        let head = "{\"format\":\(StateFile.format),\"crc32c\":\"\(padded)\",\"body\":"
        return Array(head.utf8) + body + Array("}\n".utf8)
    }
}
