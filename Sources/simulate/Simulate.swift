import ArgumentParser
import Chance
import Foundation
import Simulator

/// The command line of the simulator. Seeds are run by child processes, so that one which stops at
/// a broken invariant is a find and not the end.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Runs seeded worlds of members and of bare consensus, and checks them.",
        discussion: """
            Each seed decides everything: cluster, workload, network, disks, clocks and faults. \
            The same seed does the same on every run and machine. Exits with 1 when something \
            that must always hold was violated. Ctrl-C ends it early, with the summary of the \
            seeds that were run.

            EXAMPLES:
              simulate --seeds 1000 --jobs 4           seeds 1 to 1000
              simulate --minutes 30 --first 5000000    as many as there is time for
              simulate --seed 42                       one seed, with its options
              simulate --seed 42 --trace               and a line for everything that happens
              simulate --seed 42 --members 3 --without partition --trace
              simulate --seeds 500 --bug forgetsVote   with a mistake planted: has to be found
            """
    )

    @Option(help: "Run this seed alone.")
    var seed: UInt64?

    @Option(help: "How many seeds to run. (default: 100, or as many as --minutes allows)")
    var seeds: UInt64?

    @Option(help: "The first seed.")
    var first: UInt64 = 1

    @Option(help: "How many processes run seeds at once.")
    var jobs = 1

    @Option(help: "Stop beginning new seeds after so many minutes.")
    var minutes: Double?

    @Flag(help: "Go on after a violation.")
    var keepGoing = false

    @Flag(help: "Report violations as they were found, without looking for smaller runs.")
    var noShrink = false

    @Flag(help: "With --seed: print a line for everything that happens.")
    var trace = false

    @Option(name: .shortAndLong, help: "How the summary is printed: table or json.")
    var output = Output.table

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    private var json: Bool { output == .json }

    @OptionGroup(title: "What a seed is not to decide")
    var changes: Changes

    @OptionGroup(visibility: .hidden)
    var role: Role

    struct Role: ParsableArguments {
        /// Run seeds and tell of each in a line.
        @Flag var worker = false
        /// As a worker, tell the short story of the run too.
        @Flag var story = false
    }

    func validate() throws {
        if jobs < 1 { throw ValidationError("--jobs must be at least 1.") }
        if trace && seed == nil { throw ValidationError("--trace needs --seed.") }
        if seed != nil && (seeds != nil || minutes != nil) {
            throw ValidationError("--seed stands alone; for several use --first and --seeds.")
        }
    }

    func run() throws {
        let overrides = try changes.overrides()
        if role.worker {
            Interruption.leaveToParent()
            Worker(overrides, tellsStory: role.story).run(first: first, count: seeds ?? 1)
            return
        }
        if let seed, trace {
            let report = Simulation.run(
                Seed(seed),
                overrides,
                trace: Trace(.everything) { print($0) }
            )
            print(report.violation.map { "VIOLATION \($0)" } ?? "no violation")
            throw report.violation == nil ? ExitCode.success : ExitCode.failure
        }
        let plan = Crew.Plan(
            first: seed ?? first,
            count: seed == nil ? seeds ?? (minutes == nil ? 100 : .max) : 1,
            jobs: jobs,
            seconds: minutes.map { $0 * 60 },
            stopsAtViolation: !keepGoing
        )
        var summary = Summary(first: plan.first, overrides.kind)
        if seed != nil, !json {
            print("\(overrides.applied(to: Seed(plan.first)))")
        }
        Interruption.watch()
        let display = ProgressLine(total: plan.count, isShown: !json && seed == nil)
        Crew(plan, overrides).run { report in
            summary.add(report)
            if let violation = report.violation, keepGoing {
                display.tell("VIOLATION in seed \(report.seed): \(violation)")
            }
            display.show(summary)
        }
        display.clear()
        summary.end()
        for report in summary.violated.prefix(3) {
            let find = Find(report, overrides, shrinks: !noShrink && Interruption.signal == nil)
            summary.finds.append(find)
            if !json { print(find.text) }
        }
        print(json ? summary.json : summary.text)
        if !summary.violated.isEmpty { throw ExitCode.failure }
        if let signal = Interruption.signal { throw ExitCode(128 + signal) }
    }
}
