import Foundation
import Glibc
import Simulator

/// Runs seeds in several processes at once.
struct Crew {
    struct Plan {
        var first: UInt64
        var count: UInt64
        var jobs: Int
        /// No seeds are begun after so many seconds.
        var seconds: Double?
        var stopsAtViolation: Bool
    }

    private let plan: Plan
    private let overrides: Overrides
    /// So many seeds are run by a process before it ends.
    private static let portion: UInt64 = 20

    init(_ plan: Plan, _ overrides: Overrides) {
        self.plan = plan
        self.overrides = overrides
    }

    /// Runs all seeds; `body` is given each report, in the order in which they come.
    func run(_ body: (Report) -> Void) {
        let start = ContinuousClock.now
        var next = plan.first
        var left = plan.count
        var workers: [WorkerProcess] = []
        var mayBegin = true
        /// What is left of a process that died.
        var remains: [(first: UInt64, count: UInt64)] = []
        defer { for worker in workers { worker.end() } }
        while true {
            if let seconds = plan.seconds, ContinuousClock.now - start > .seconds(seconds) {
                mayBegin = false
            }
            if Interruption.signal != nil { return }
            while mayBegin, workers.count < plan.jobs, left > 0 || !remains.isEmpty {
                let work: (first: UInt64, count: UInt64)
                if let rest = remains.popLast() {
                    work = rest
                } else {
                    work = (next, min(Self.portion, left))
                    next &+= work.count
                    left -= work.count
                }
                do {
                    workers.append(
                        try WorkerProcess(first: work.first, count: work.count, overrides)
                    )
                } catch {
                    fatalError("cannot start a process to run seeds: \(error)")
                }
            }
            if workers.isEmpty { return }
            Self.wait(for: workers)
            for worker in workers {
                for report in worker.read() {
                    body(report)
                    if report.violation != nil, plan.stopsAtViolation { return }
                }
                if worker.hasEnded, worker.left > 0 {
                    remains.append((worker.seed &+ 1, worker.left))
                }
            }
            workers.removeAll(where: \.hasEnded)
        }
    }

    /// Runs one seed in a process of its own.
    static func runAlone(
        _ seed: UInt64,
        _ overrides: Overrides,
        tellsStory: Bool = false
    ) -> (report: Report?, story: [String]) {
        guard
            let worker = try? WorkerProcess(
                first: seed,
                count: 1,
                overrides,
                tellsStory: tellsStory
            )
        else { return (nil, []) }
        var last: Report?
        while !worker.hasEnded {
            wait(for: [worker])
            last = worker.read().last ?? last
        }
        return (last, worker.story)
    }

    private static func wait(for workers: [WorkerProcess]) {
        var descriptors = workers.flatMap { worker in
            [worker.outputDescriptor, worker.errorDescriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
        }
        _ = unsafe poll(&descriptors, nfds_t(descriptors.count), 500)
    }
}
