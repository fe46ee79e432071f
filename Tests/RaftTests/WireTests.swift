import EtcdProto
import FoundationEssentials
import Raft
import SwiftProtobuf
import TestKit
import Testing

@Suite struct WireTests {
    @Test(arguments: Seed.batch(40))
    func `protobuf reads what we write and writes what we read`(seed: Seed) throws {
        var generator = seed.generator()
        for _ in 0..<50 {
            let message = generator.message(depth: 0)
            let bytes = message.encoded()
            #expect(bytes.count == message.encodedSize)
            let theirs = try RaftpbMessage(serializedBytes: bytes)
            #expect(Raft.Message(theirs) == message)
            #expect(try Raft.Message(decoding: theirs.serializedBytes()) == message)
        }
    }

    @Test(arguments: Seed.batch(20))
    func `states and changes travel through protobuf`(seed: Seed) throws {
        var generator = seed.generator()
        for _ in 0..<50 {
            let state = generator.confState()
            let theirState = try RaftpbConfState(serializedBytes: state.encoded())
            #expect(theirState.voters == state.voters.map(\.rawValue))
            #expect(theirState.learnersNext == state.learnersNext.map(\.rawValue))
            #expect(try ConfState(decoding: theirState.serializedBytes()) == state)

            let hard = generator.hardState()
            let theirHard = try RaftpbHardState(serializedBytes: hard.encoded())
            #expect(theirHard.commit == hard.commit.rawValue)
            #expect(try HardState(decoding: theirHard.serializedBytes()) == hard)

            let change = generator.confChange()
            let theirChange = try RaftpbConfChange(serializedBytes: change.encoded())
            #expect(theirChange.nodeID == change.node.rawValue)
            #expect(Array(theirChange.context) == change.context)
            #expect(try ConfChange(decoding: theirChange.serializedBytes()) == change)

            let many = generator.confChangeV2()
            let theirMany = try RaftpbConfChangeV2(serializedBytes: many.encoded())
            #expect(theirMany.changes.count == many.changes.count)
            #expect(try ConfChangeV2(decoding: theirMany.serializedBytes()) == many)
        }
    }

    /// As etcd's own code writes them: zero scalars are there, nil bytes and messages are not.
    @Test func `zero values have their bytes`() {
        #expect(Entry(term: .zero, index: .zero).encoded() == [8, 0, 16, 0, 24, 0])
        #expect(HardState().encoded() == [8, 0, 16, 0, 24, 0])
        #expect(ConfState().encoded() == [40, 0])
        #expect(Snapshot().encoded() == [18, 8, 10, 2, 40, 0, 16, 0, 24, 0])
        #expect(ConfChange(kind: .addNode, node: .none).encoded() == [8, 0, 16, 0, 24, 0])
        #expect(ConfChangeV2().encoded() == [8, 0])
        #expect(
            Raft.Message(kind: .hup).encoded()
                == [8, 0, 16, 0, 24, 0, 32, 0, 40, 0, 48, 0, 64, 0, 80, 0, 88, 0, 104, 0]
        )
    }

    @Test(arguments: Seed.batch(40))
    func `random and damaged bytes are refused or read and never trap`(seed: Seed) {
        var generator = seed.generator()
        for _ in 0..<300 {
            var bytes =
                generator.chance(0.5)
                ? generator.bytes(generator.below(60)) : generator.message(depth: 0).encoded()
            for _ in 0..<generator.below(4) where !bytes.isEmpty {
                bytes[generator.below(bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            if generator.chance(0.3) { bytes.removeLast(generator.below(bytes.count + 1)) }
            guard let message = try? Raft.Message(decoding: bytes) else { continue }
            // What was let in can be written and is read as the same again.
            #expect((try? Raft.Message(decoding: message.encoded())) == message)
            _ = try? Snapshot(decoding: bytes)
            _ = try? ConfChangeV2(decoding: bytes)
        }
    }

    @Test func `unknown fields are skipped, also groups`() throws {
        let entry = Entry(term: Term(rawValue: 3), index: LogIndex(rawValue: 5), data: [1, 2])
        // Field 9 as varint, fixed64, bytes, group with a field inside, fixed32.
        let unknown: [UInt8] =
            [72, 1] + [73, 1, 2, 3, 4, 5, 6, 7, 8] + [74, 2, 0, 0] + [75, 8, 1, 76]
            + [77, 1, 2, 3, 4]
        #expect(try Entry(decoding: unknown + entry.encoded() + unknown) == entry)
        #expect(throws: WireError.self) { try Entry(decoding: [75, 8, 1]) }
        #expect(throws: WireError.self) { try Entry(decoding: [76]) }
    }

    @Test func `packed ids are read as well`() throws {
        #expect(
            try ConfState(decoding: [10, 3, 1, 0x80, 1]).voters
                == [NodeID(rawValue: 1), NodeID(rawValue: 128)]
        )
    }

    @Test func `malformed bytes are told apart`() {
        func error(_ bytes: [UInt8]) -> WireError? {
            do throws(WireError) {
                _ = try Raft.Message(decoding: bytes)
                return nil
            } catch {
                return error
            }
        }
        #expect(error([8]) == .truncated(offset: 1))
        #expect(error([8] + [UInt8](repeating: 0xFF, count: 10)) == .varintTooLong(offset: 1))
        #expect(error([0, 0]) == .badTag(offset: 0))
        #expect(error([10, 0]) == .wrongWireType(field: 1))
        #expect(error([8, 99]) == .unknownValue(field: 1, value: 99))
        #expect(error([58, 200]) == .truncated(offset: 1))
        // A length near 2^64 must not overflow.
        #expect(
            error([58, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]) == .truncated(offset: 11)
        )
        let answer = Raft.Message(kind: .hup)
        let inner = Raft.Message(kind: .hup, responses: [answer])
        let nested = Raft.Message(kind: .hup, responses: [inner])
        #expect(error(nested.encoded()) == .tooManyResponses)
        let empty = [[UInt8]](repeating: [58, 0], count: 300_000)
        #expect(error(empty.flatMap(\.self)) == .tooManyEntries)
    }
}

extension Generator {
    /// Mostly small numbers, sometimes the largest.
    mutating func number() -> UInt64 {
        next() >> UInt64(below(64))
    }

    mutating func ids() -> [NodeID] {
        (0..<below(4)).map { _ in NodeID(rawValue: number()) }
    }

    mutating func confState() -> ConfState {
        ConfState(
            voters: ids(),
            learners: ids(),
            votersOutgoing: ids(),
            learnersNext: ids(),
            autoLeave: chance(0.5)
        )
    }

    mutating func hardState() -> HardState {
        HardState(
            term: Term(rawValue: number()),
            vote: NodeID(rawValue: number()),
            commit: LogIndex(rawValue: number())
        )
    }

    private mutating func kind() -> ConfChange.Kind {
        pick([.addNode, .removeNode, .updateNode, .addLearnerNode])
    }

    mutating func confChange() -> ConfChange {
        ConfChange(
            id: number(),
            kind: kind(),
            node: NodeID(rawValue: number()),
            context: bytes(below(5))
        )
    }

    mutating func confChangeV2() -> ConfChangeV2 {
        ConfChangeV2(
            transition: pick([.auto, .jointImplicit, .jointExplicit]),
            changes: (0..<below(4)).map { _ in
                ConfChangeV2.Single(kind: kind(), node: NodeID(rawValue: number()))
            },
            context: bytes(below(5))
        )
    }

    private mutating func entry() -> Entry {
        Entry(
            term: Term(rawValue: number()),
            index: LogIndex(rawValue: number()),
            kind: pick([.normal, .confChange, .confChangeV2]),
            data: bytes(below(200))
        )
    }

    private mutating func snapshot() -> Snapshot {
        Snapshot(
            data: bytes(below(20)),
            confState: confState(),
            index: LogIndex(rawValue: number()),
            term: Term(rawValue: number())
        )
    }

    mutating func message(depth: Int) -> Raft.Message {
        Raft.Message(
            kind: pick(Raft.Message.Kind.allCases),
            to: NodeID(rawValue: number()),
            from: NodeID(rawValue: number()),
            term: Term(rawValue: number()),
            logTerm: Term(rawValue: number()),
            index: LogIndex(rawValue: number()),
            entries: (0..<below(4)).map { _ in entry() },
            commit: LogIndex(rawValue: number()),
            vote: NodeID(rawValue: number()),
            snapshot: chance(0.3) ? snapshot() : nil,
            reject: chance(0.5),
            rejectHint: LogIndex(rawValue: number()),
            context: bytes(below(10)),
            responses: depth > 0 ? [] : (0..<below(3)).map { _ in message(depth: 1) }
        )
    }
}

// MARK: - From protobuf's generated types
extension Raft.Message {
    fileprivate init(_ other: RaftpbMessage) {
        self.init(kind: Kind(rawValue: UInt64(other.type.rawValue)) ?? .hup)
        to = NodeID(rawValue: other.to)
        from = NodeID(rawValue: other.from)
        term = Term(rawValue: other.term)
        logTerm = Term(rawValue: other.logTerm)
        index = LogIndex(rawValue: other.index)
        entries = other.entries.map(Entry.init)
        commit = LogIndex(rawValue: other.commit)
        vote = NodeID(rawValue: other.vote)
        snapshot = other.hasSnapshot ? Snapshot(other.snapshot) : nil
        reject = other.reject
        rejectHint = LogIndex(rawValue: other.rejectHint)
        context = Array(other.context)
        responses = other.responses.map(Raft.Message.init)
    }
}

extension Entry {
    fileprivate init(_ other: RaftpbEntry) {
        self.init(
            term: Term(rawValue: other.term),
            index: LogIndex(rawValue: other.index),
            kind: Kind(rawValue: UInt64(other.type.rawValue)) ?? .normal,
            data: Array(other.data)
        )
    }
}

extension Snapshot {
    fileprivate init(_ other: RaftpbSnapshot) {
        let state = other.metadata.confState
        self.init(
            data: Array(other.data),
            confState: ConfState(
                voters: state.voters.map(NodeID.init),
                learners: state.learners.map(NodeID.init),
                votersOutgoing: state.votersOutgoing.map(NodeID.init),
                learnersNext: state.learnersNext.map(NodeID.init),
                autoLeave: state.autoLeave
            ),
            index: LogIndex(rawValue: other.metadata.index),
            term: Term(rawValue: other.metadata.term)
        )
    }
}
