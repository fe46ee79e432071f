import ClusterAPI
import Operator
import Planning
import Storage
import TestKit
import Testing

@Suite struct StateFileTests {
    private let record = Sample.record(phase: .started)

    @Test func `a record comes back as it was written`() throws {
        let bytes = StateFile.encode(record)
        #expect(try StateFile.decode(ClusterRecord.self, from: bytes) == record)
    }

    @Test func `rule 35: one changed byte anywhere is noticed`() {
        let bytes = StateFile.encode(record)
        for index in bytes.indices.dropLast() {
            var changed = bytes
            changed[index] ^= 0x01
            #expect(throws: StateFile.Unusable.self) {
                try StateFile.decode(ClusterRecord.self, from: changed)
            }
        }
    }

    @Test func `rule 35: a cut file is noticed`() {
        let bytes = StateFile.encode(record)
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: StateFile.Unusable.self) {
                try StateFile.decode(ClusterRecord.self, from: Array(bytes.prefix(count)))
            }
        }
    }

    @Test func `rule 35: another format is refused by its number`() {
        let text = String(decoding: StateFile.encode(record), as: UTF8.self)
        for (number, age) in [(2, "older"), (4, "newer")] {
            let other = "{\"format\":\(number)" + text.dropFirst("{\"format\":3".count)
            let error = #expect(throws: StateFile.Unusable.self) {
                try StateFile.decode(ClusterRecord.self, from: Array(other.utf8))
            }
            let reason = "its format \(number) is \(age) than this program understands (3)"
            #expect(error?.reason == reason)
        }
    }

    @Test(arguments: Seed.batch(20)) func `random bytes are no state file`(seed: Seed) {
        var generator = seed.generator()
        for _ in 0..<200 {
            let bytes = generator.bytes(generator.below(80))
            #expect(throws: StateFile.Unusable.self) {
                try StateFile.decode(ClusterRecord.self, from: bytes)
            }
        }
    }

    @Test func `the version before is kept`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let path = folder.path + "/cluster.json"
        try StateFile.save(record, at: path, on: FileDisk())
        var next = record
        next.phase = .bootstrapped
        try StateFile.save(next, at: path, on: FileDisk())
        #expect(try StateFile.load(ClusterRecord.self, at: path, on: FileDisk()) == next)
        #expect(
            try StateFile.load(ClusterRecord.self, at: path + ".previous", on: FileDisk()) == record
        )
        #expect(try StateFile.load(ClusterRecord.self, at: path + ".none", on: FileDisk()) == nil)
    }
}
