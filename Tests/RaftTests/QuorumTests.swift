import Raft
import TestKit
import Testing

@Suite struct QuorumTests {
    /// By the definition: the largest index that more than half have reached.
    private static func naiveCommit(_ ids: [NodeID], _ known: [NodeID: UInt64]) -> UInt64 {
        if ids.isEmpty { return .max }
        let candidates = ids.map { known[$0] ?? 0 } + [0]
        return candidates.filter { candidate in
            2 * ids.count { (known[$0] ?? 0) >= candidate } > ids.count
        }.max() ?? 0
    }

    /// By trying all that the missing votes could be.
    private static func naiveVerdict(_ ids: [NodeID], _ votes: [NodeID: Bool]) -> Verdict {
        if ids.isEmpty { return .won }
        let missing = ids.filter { votes[$0] == nil }
        let outcomes = (0..<(1 << missing.count)).map { guess in
            let yes = ids.count { id in
                votes[id] ?? missing.firstIndex(of: id).map { guess >> $0 & 1 == 1 } ?? false
            }
            return 2 * yes > ids.count
        }
        if outcomes.allSatisfy({ $0 }) { return .won }
        return outcomes.contains(true) ? .pending : .lost
    }

    @Test(arguments: Seed.batch(50))
    func `a majority commits and elects by its definition`(seed: Seed) {
        var generator = seed.generator()
        for _ in 0..<200 {
            let (ids, known, votes) = Self.draw(&generator)
            let quorum = MajorityQuorum(ids)
            let index = quorum.committedIndex { known[$0].map(LogIndex.init) }
            #expect(index.rawValue == Self.naiveCommit(quorum.ids, known))
            #expect(quorum.verdict { votes[$0] } == Self.naiveVerdict(quorum.ids, votes))
        }
    }

    @Test(arguments: Seed.batch(50))
    func `a joint quorum decides only what both halves do`(seed: Seed) {
        var generator = seed.generator()
        for _ in 0..<200 {
            let (ids, known, votes) = Self.draw(&generator)
            let other = Self.draw(&generator).ids
            let joint = JointQuorum(
                incoming: MajorityQuorum(ids),
                outgoing: MajorityQuorum(other)
            )
            let index = joint.committedIndex { known[$0].map(LogIndex.init) }
            let halves = [joint.incoming.ids, joint.outgoing.ids]
            #expect(index.rawValue == halves.map { Self.naiveCommit($0, known) }.min())

            let verdicts = halves.map { Self.naiveVerdict($0, votes) }
            let expected: Verdict =
                verdicts.contains(.lost)
                ? .lost : verdicts.allSatisfy { $0 == .won } ? .won : .pending
            #expect(joint.verdict { votes[$0] } == expected)
        }
    }

    private static func draw(
        _ generator: inout Generator
    ) -> (ids: [NodeID], known: [NodeID: UInt64], votes: [NodeID: Bool]) {
        let ids = (0..<generator.below(10)).map { _ in
            NodeID(rawValue: UInt64(1 + generator.below(12)))
        }
        var known: [NodeID: UInt64] = [:]
        var votes: [NodeID: Bool] = [:]
        for raw in 1...UInt64(12) {
            if generator.chance(0.7) {
                known[NodeID(rawValue: raw)] = UInt64(generator.below(6))
            }
            if generator.chance(0.6) { votes[NodeID(rawValue: raw)] = generator.chance(0.5) }
        }
        return (ids, known, votes)
    }
}
