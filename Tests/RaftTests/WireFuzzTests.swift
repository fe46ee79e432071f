import Raft
import TestKit
import Testing

/// The decoders of what peers and disks give: any bytes are refused or read, and what was read is
/// written so that it is read as the same. `FUZZ_SECONDS=n` and `SEED=n` as in `Fuzz`.
@Suite struct WireFuzzTests {
    @Test(arguments: Fuzz.seeds) func `messages`(seed: Seed) throws {
        try fuzz(seed, Raft.Message.self) { $0.message(depth: 0) }
    }

    @Test(arguments: Fuzz.seeds) func `entries`(seed: Seed) throws {
        try fuzz(seed, Entry.self) { generator in
            Entry(
                term: Term(rawValue: generator.edgeNumber()),
                index: LogIndex(rawValue: generator.edgeNumber()),
                kind: generator.pick([.normal, .confChange, .confChangeV2]),
                data: generator.bytes(generator.below(100))
            )
        }
    }

    @Test(arguments: Fuzz.seeds) func `snapshots and states`(seed: Seed) throws {
        try fuzz(seed, Snapshot.self) { generator in
            Snapshot(
                data: generator.bytes(generator.below(30)),
                confState: generator.confState(),
                index: LogIndex(rawValue: generator.edgeNumber()),
                term: Term(rawValue: generator.edgeNumber())
            )
        }
        try fuzz(seed, ConfState.self) { $0.confState() }
        try fuzz(seed, HardState.self) { $0.hardState() }
    }

    @Test(arguments: Fuzz.seeds) func `conf changes`(seed: Seed) throws {
        try fuzz(seed, ConfChange.self) { $0.confChange() }
        try fuzz(seed, ConfChangeV2.self) { $0.confChangeV2() }
    }

    @Test func `groups within groups cost no stack`() {
        for open in [1, 1000, 1_000_000] {
            let groups = [UInt8](repeating: 0x7B, count: open)
            let ends = [UInt8](repeating: 0x7C, count: open)
            #expect((try? Entry(decoding: groups + ends)) != nil)
            #expect((try? Entry(decoding: groups)) == nil)
        }
    }

    private func fuzz<Value: WireCodable & Hashable>(
        _ seed: Seed,
        _ type: Value.Type,
        _ make: (inout Generator) -> Value
    ) throws {
        var readCount = 0
        var other: [UInt8] = []
        try Fuzz.run(seed, rounds: 4000) { generator in
            let value = make(&generator)
            let bytes = value.encoded()
            // Canonical bytes come back as they were.
            let same = try Value(decoding: bytes)
            if same != value || same.encoded() != bytes || same.encodedSize != bytes.count {
                Issue.record("\(value) comes back as \(same)")
            }
            let changed =
                switch generator.below(10) {
                case 0: generator.bytes(generator.below(40))
                case 1...3: Mutation().apply(to: bytes, mixing: other, &generator)
                default: ProtobufMutation().apply(to: bytes, mixing: other, &generator)
                }
            other = bytes
            guard let read = try? Value(decoding: changed) else { return }
            readCount += 1
            let written = read.encoded()
            let again = try Value(decoding: written)
            if again != read || written.count != read.encodedSize || again.encoded() != written {
                Issue.record("\(read) comes back as \(again), from \(changed)")
            }
        }
        #expect(readCount > 500)
    }
}
