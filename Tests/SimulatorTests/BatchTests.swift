import Foundation
import TestKit
import Testing

/// Seeds that nothing may be wrong with: always the same ones, and some that nobody has run before.
@Suite(.serialized) struct BatchTests {
    /// `SEED=n` runs that seed alone.
    @Test func `nothing is violated in a fixed batch of seeds`() async throws {
        let arguments =
            environment("SEED").map { ["--seed", $0] }
            ?? ["--first", "1", "--seeds", environment("SEEDS") ?? "240"]
        try await expectNothing(arguments)
    }

    /// `FRESH_SEEDS=n` runs so many.
    @Test func `nothing is violated in a batch of fresh seeds`() async throws {
        // Chance may choose them, for they are printed.
        var generator = SystemRandomNumberGenerator()
        let base = generator.next() >> 24
        let count = environment("FRESH_SEEDS") ?? "60"
        print("fresh seeds: simulate --first \(base) --seeds \(count)")
        try await expectNothing(["--first", "\(base)", "--seeds", count])
    }

    /// `OPERATOR_SEED=n` runs that seed alone.
    @Test func `the operator breaks no rule in a fixed batch of seeds`() async throws {
        let arguments =
            environment("OPERATOR_SEED").map { ["--seed", $0] }
            ?? ["--first", "1", "--seeds", environment("OPERATOR_SEEDS") ?? "60"]
        try await expectNothingOfOperators(arguments)
    }

    /// `FRESH_OPERATOR_SEEDS=n` runs so many; `.ci/nightly` runs thousands.
    @Test(.enabled(if: environment("FRESH_OPERATOR_SEEDS") != nil))
    func `the operator breaks no rule in a batch of fresh seeds`() async throws {
        var generator = SystemRandomNumberGenerator()
        let base = generator.next() >> 24
        let count = environment("FRESH_OPERATOR_SEEDS") ?? "10"
        print("fresh seeds: simulate --world operators --first \(base) --seeds \(count)")
        try await expectNothingOfOperators(["--first", "\(base)", "--seeds", count])
    }

    @Test func `a run that is ended early tells what it has found`() async throws {
        let mistake = ["--seeds", "1000000", "--keep-going", "--no-shrink", "--bug", "forgetsVote"]
        let program = try Program(SimulateProgram.path, mistake + ["-o", "json"])
        try await eventually("a violation is told", within: .seconds(120)) {
            program.errors.contains("VIOLATION in seed ")
        }
        program.signal(SIGTERM)
        #expect(try await program.waitForExit() == 1)
        let summary = try JSONDecoder().decode(
            SimulateProgram.Summary.self,
            from: Data(program.output.utf8)
        )
        #expect(summary.seeds > 0 && summary.violations.isEmpty == false)
    }

    private func expectNothingOfOperators(_ arguments: [String]) async throws {
        let world = ["--world", "operators", "--jobs", "2", "--keep-going"]
        let run = try await SimulateProgram.run(arguments + world)
        for violation in run.summary.violations {
            Issue.record("\(violation.checker): \(violation.text)\nreplay: \(violation.replay)")
        }
        #expect(run.status == 0)
        #expect(run.summary.seeds > 0)
        guard run.summary.seeds >= 60 else { return }
        for (kind, count) in run.summary.faults where count == 0 {
            Issue.record("\(kind) never happened")
        }
        // These take more luck than sixty seeds have for sure.
        let rare = ["stepMemberKept", "stepRecoveryCancelled", "stepLatched", "writeForgiven"]
        for (kind, count) in run.summary.occasions where count == 0 && !rare.contains(kind) {
            Issue.record("\(kind) never came about")
        }
    }

    private func expectNothing(_ arguments: [String]) async throws {
        let run = try await SimulateProgram.run(arguments + ["--keep-going"])
        for violation in run.summary.violations {
            Issue.record("\(violation.checker): \(violation.text)\nreplay: \(violation.replay)")
        }
        #expect(run.status == 0)
        #expect(run.summary.seeds > 0)
        for (kind, count) in run.summary.faults where count == 0 && run.summary.seeds >= 160 {
            Issue.record("\(kind) never happened")
        }
        // A replaced leader rarely has the time to renew anything.
        let expected = run.summary.occasions.filter { kind, _ in
            kind.hasPrefix("watch") || kind.hasPrefix("lease") && kind != "leaseRenewedInVain"
        }
        #expect(expected.count >= 12)
        for (kind, count) in expected where count == 0 && run.summary.seeds >= 160 {
            Issue.record("\(kind) never came about")
        }
    }
}
