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
        // In the operator's world hardly anything happens within seconds.
        overrides.duration = kind == .operators ? 300_000 : 8_000
        let seeds = (1...(kind == .operators ? 8 : 20)).map { Seed(UInt64($0) * 7) }
        let first = seeds.map { Simulation.run($0, overrides) }
        let second = seeds.reversed().map { Simulation.run($0, overrides) }
        #expect(first == second.reversed())
        #expect(first.map(\.events).reduce(0, +) > 100 * seeds.count / 2)
        let faults = first.map(\.faults).reduce(into: FaultCounts()) { $0 += $1 }
        #expect(Fault.allCases.count { faults[$0] > 0 } > 12)
    }

    /// What differs from process to process, such as the seed of hashes, must not matter.
    @Test(arguments: Options.Kind.allCases)
    func `a seed does the same in another process`(kind: Options.Kind) async throws {
        let length = kind == .operators ? "300000" : "8000"
        let arguments = ["--worker", "--world", kind.rawValue, "--seeds", "8"]
        let first = try await SimulateProgram.reports(arguments + ["--duration", length])
        let second = try await SimulateProgram.reports(arguments + ["--duration", length])
        #expect(first == second)
        #expect(first.map(\.seed) == Array(1...8))
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
