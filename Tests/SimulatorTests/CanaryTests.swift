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
            bug: "alwaysLate",
            world: "members",
            seeds: 100,
            checkers: ["leases do not live for ever"]
        ),
    ]

    /// One for each of the operator's checkers. Where a mistake has several effects those checkers
    /// that see another first are left out, so that this one has to find it.
    static let canariesOfOperators = [
        find("no member begins anew (11)", "startsAnew", in: 40),
        find("no recovery while a majority has its data (5)", "hastens", in: 100),
        find(single, "restartsTwo", in: 100, ignoring: [quorum]),
        find(single, "restartsAnother", in: 40, ignoring: [quorum]),
        find(quorum, "restartsAnother", in: 40, ignoring: [single]),
        find(
            "nothing that is needed is put away (12)",
            "putsAwayEarly",
            in: 40,
            ignoring: [
                quorum, single,
            ]
        ),
        find("no directory is moved while a process uses it (12)", "ignoresLocks", in: 300),
        find("no log is ever deleted", "deletesTrash", in: 40),
        find("what was ordered down stays down (14)", "forgetsDown", in: 40),
        find("what was ordered down stays down (14)", "forgetsSync", in: 100),
        find("never two clusters from one (4, 11)", "clearsLeftovers", in: 100),
        find("no cluster is deleted unless somebody asks (10)", "deletesVanished", in: 40),
        find("a paused cluster is left alone (13)", "ignoresPause", in: 40),
        find("a cluster of no replicas does not run (14)", "wakesHibernated", in: 40),
        find("one operator for one directory", "sharesDirectory", in: 40),
        find("no acknowledged write is lost", "dropsUndecided", in: 400),
        find("members end with all that was acknowledged", "losesLastWrite", in: 100),
        find("no step is repeated with effect (17)", "addsTwice", in: 100),
        find(
            "what one does not come up with no other gets (15)",
            "ignoresFailures",
            in: 100,
            ignoring: [quorum, single]
        ),
        find(single, "relaunchesTwo", in: 100, ignoring: [quorum]),
        find("leaders are fast enough for all (22)", "leaps", in: 100),
        find(
            "no engine gets the other's data",
            "swapsEngine",
            in: 100,
            ignoring: [quorum, single]
        ),
        find("convergence", "neverPromotes", in: 20, ignoring: []),
    ]

    private static let quorum = "never below quorum by our own hand (13, 16)"
    private static let single = "one disruptive step at a time (13)"

    private static func find(
        _ checker: String,
        _ bug: String,
        in seeds: Int,
        ignoring: [String] = []
    ) -> Canary {
        Canary(
            bug: bug,
            world: "operators",
            seeds: seeds,
            ignoring: ignoring + ["convergence"].filter { $0 != checker },
            checkers: [checker]
        )
    }

    @Test(arguments: canaries + canariesOfOperators)
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
