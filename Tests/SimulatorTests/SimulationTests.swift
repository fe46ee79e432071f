import Chance
import Simulator
import TestKit
import Testing

/// The simulator's promises about itself.
@Suite struct SimulationTests {
    /// Not equal outcomes are compared but digests of everything that happened.
    @Test(arguments: Options.Kind.allCases)
    func `a seed does the same every time, in whatever order seeds run`(kind: Options.Kind) {
        var overrides = Overrides()
        overrides.kind = kind
        overrides.duration = 8_000
        let seeds = (1...20).map { Seed(UInt64($0) * 7) }
        let first = seeds.map { Simulation.run($0, overrides) }
        let second = seeds.reversed().map { Simulation.run($0, overrides) }
        #expect(first == second.reversed())
        // Eight seconds of an operator that is well are soon told.
        let least = kind == .operators ? 0 : 100
        #expect(first.allSatisfy { $0.events > least })
    }

    @Test func `seeds differ from each other`() {
        let digests = (1...8).map { Simulation.run(Seed($0)).digest }
        #expect(Set(digests).count == 8)
    }

    @Test func `watching a run does not change it`() {
        var lines = 0
        let watched = Simulation.run(Seed(3), trace: Trace(.everything) { _ in lines += 1 })
        #expect(watched == Simulation.run(Seed(3)))
        #expect(lines == watched.events)
    }

    @Test func `a report survives its line`() {
        let seed = Simulation.run(Seed(5))
        #expect(Report(line: seed.line) == seed)
        let violated = Report(
            seed: 1,
            digest: 2,
            events: 3,
            virtualMicros: 4,
            operations: 5,
            faults: Counts(),
            occasions: Counts(),
            violation: Violation("logs match", "they\tdo not")
        )
        #expect(Report(line: violated.line) == violated)
        #expect(Report(line: "garbage") == nil)
    }

    @Test func `a find shrinks to what it needs`() {
        let seed = Seed(9)
        // Needs two members and pauses, and half a second.
        func isFound(_ overrides: Overrides) -> Violation? {
            let options = overrides.applied(to: seed)
            let isThere =
                options.world.members >= 2 && options.faults[.pause] > 0
                && options.duration >= 500
            return isThere ? Violation("found", "") : nil
        }
        var overrides = Overrides()
        overrides.members = 5
        let all = overrides.applied(to: seed).faults.active
        guard all.contains(.pause) else { return }
        var shrinker = Shrinker(Violation("found", ""), runs: 1_000, run: isFound)
        let least = shrinker.shrink(seed, overrides).applied(to: seed)
        #expect(least.faults.active == [.pause])
        #expect(least.world.members == 2)
        #expect(least.clients == 1)
        #expect(least.duration < 1_100)
    }
}
