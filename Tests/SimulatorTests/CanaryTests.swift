import TestKit
import Testing

/// Checkers are checked: a mistake made on purpose has to be found within the seeds given, and by
/// one of the checkers named. That none of them speaks without a mistake is what `BatchTests` see.
@Suite(.serialized) struct CanaryTests {
    struct Canary: CustomTestStringConvertible, Sendable {
        let bug: String
        let world: String
        let seeds: Int
        /// Checkers that would notice at once, left out to see what the mistake leads to.
        var ignoring: [String] = []
        let checkers: [String]

        var testDescription: String {
            ignoring.isEmpty ? "\(bug) (\(world))" : "\(bug) (\(world)), by its effect"
        }
    }

    static let canaries = [
        Canary(
            bug: "forgetsVote",
            world: "members",
            seeds: 50,
            checkers: ["durable before applied or promised"]
        ),
        Canary(
            bug: "answersBeforeSync",
            world: "members",
            seeds: 50,
            checkers: ["durable before applied or promised"]
        ),
        Canary(
            bug: "ignoresAppendTerm",
            world: "core",
            seeds: 200,
            checkers: ["logs match", "no invariant breaks"]
        ),
        Canary(
            bug: "commitsOldTerms",
            world: "core",
            seeds: 400,
            checkers: ["quorum has what is committed"]
        ),
        Canary(
            bug: "readsWithoutQuorum",
            world: "members",
            seeds: 200,
            checkers: ["revisions never go back"]
        ),
        Canary(
            bug: "countsLearners",
            world: "core",
            seeds: 200,
            checkers: ["quorum has what is committed"]
        ),
        Canary(
            bug: "ignoresOutgoing",
            world: "core",
            seeds: 200,
            checkers: ["quorum has what is committed"]
        ),
        Canary(
            bug: "appliesTwice",
            world: "members",
            seeds: 100,
            checkers: ["no entry applied twice"]
        ),
        Canary(
            bug: "forgetsConfState",
            world: "core",
            seeds: 200,
            checkers: ["equal membership"]
        ),
        Canary(
            bug: "forgetsConfState",
            world: "members",
            seeds: 200,
            checkers: ["equal membership", "convergence", "progress after the faults"]
        ),
        Canary(
            bug: "readsWithoutQuorum",
            world: "members",
            seeds: 200,
            ignoring: ["revisions never go back"],
            checkers: ["linearizability"]
        ),
        Canary(
            bug: "answersBeforeSync",
            world: "members",
            seeds: 200,
            ignoring: ["durable before applied or promised"],
            checkers: [
                "acknowledged writes never lost", "committed prefixes equal", "members start again",
                "no invariant breaks", "revisions never go back", "one leader per term",
            ]
        ),
        Canary(
            bug: "dropsForSlowWatchers",
            world: "members",
            seeds: 100,
            checkers: ["watches tell the history", "watches catch up"]
        ),
        Canary(
            bug: "losesEndOfSlice",
            world: "members",
            seeds: 100,
            checkers: ["watches tell the history", "watches catch up"]
        ),
        Canary(
            bug: "beginsWatchesAnew",
            world: "members",
            seeds: 200,
            checkers: ["watches tell the history"]
        ),
        Canary(
            bug: "progressOvertakes",
            world: "members",
            seeds: 100,
            checkers: ["watches tell the history"]
        ),
        Canary(
            bug: "countsTimeBeforeElection",
            world: "members",
            seeds: 100,
            checkers: ["leases never end early"]
        ),
        Canary(
            bug: "renewsAsFollower",
            world: "members",
            seeds: 100,
            checkers: ["leases never end early"]
        ),
        Canary(
            bug: "forgetsLeases",
            world: "members",
            seeds: 100,
            checkers: ["equal leases"]
        ),
        Canary(
            bug: "startsAnew",
            world: "operators",
            seeds: 40,
            checkers: ["no member begins anew (11)"]
        ),
        Canary(
            bug: "hastens",
            world: "operators",
            seeds: 100,
            ignoring: ["convergence"],
            checkers: ["no recovery while a majority has its data (5)"]
        ),
        Canary(
            bug: "restartsTwo",
            world: "operators",
            seeds: 100,
            ignoring: ["convergence"],
            checkers: [
                "one disruptive step at a time (13)",
                "never below quorum by our own hand (13, 16)",
            ]
        ),
        Canary(
            bug: "putsAwayEarly",
            world: "operators",
            seeds: 100,
            ignoring: ["convergence"],
            checkers: [
                "nothing that is needed is put away (12)",
                "never below quorum by our own hand (13, 16)",
            ]
        ),
        Canary(
            bug: "forgetsDown",
            world: "operators",
            seeds: 40,
            checkers: ["what was ordered down stays down (14)"]
        ),
        Canary(
            bug: "ignoresLeftovers",
            world: "operators",
            seeds: 100,
            checkers: ["never two clusters from one (4, 11)", "convergence"]
        ),
        Canary(
            bug: "neverPromotes",
            world: "operators",
            seeds: 20,
            checkers: ["convergence"]
        ),
        Canary(
            bug: "dropsUndecided",
            world: "operators",
            seeds: 400,
            checkers: ["no acknowledged write is lost"]
        ),
        Canary(
            bug: "addsTwice",
            world: "operators",
            seeds: 100,
            ignoring: ["convergence"],
            checkers: ["no step is repeated with effect (17)"]
        ),
        Canary(
            bug: "alwaysLate",
            world: "members",
            seeds: 100,
            checkers: ["leases do not live for ever"]
        ),
    ]

    @Test(arguments: canaries)
    func `a planted bug is found`(canary: Canary) async throws {
        let run = try await SimulateProgram.run(
            ["--bug", canary.bug, "--world", canary.world, "--seeds", "\(canary.seeds)"]
                + ["--no-shrink"] + canary.ignoring.flatMap { ["--ignore", $0] }
        )
        #expect(run.status == 1)
        let found = try #require(run.summary.violations.first)
        #expect(canary.checkers.contains(found.checker), "\(found.checker): \(found.text)")
        #expect(run.summary.seconds < 60)
    }
}
