import ClusterAPI
import Planning
import Testing

@Suite struct RestartTests {
    @Test func `a killed member with its data is started at once`() {
        let plan = plan(Orders.healthy().ended(1))
        #expect(plan.steps == [.start(member: "orders-1", as: .existing)])
        #expect(plan.reason == "orders-1 was ended by signal 9")
    }

    @Test func `the reason of a start is the member's own, without the words of its log`() {
        let seen = Orders.healthy().ended(1, .portInUse("a long line")).ended(
            2,
            .noSpace("another")
        )
        let plan = plan(seen)
        #expect(
            plan.steps.map(plan.reason) == [
                "orders-1 could not listen", "orders-2 ran out of disk space",
            ]
        )
    }

    @Test(arguments: [
        (
            #"{"level":"fatal","ts":"2026-11-22T12:00:01Z","msg":"a failed","error":"no \"x\""}"#,
            #"a failed: no "x""#
        ),
        ("2026-11-22 12:00:01.123456 C | etcdmain: bad", "C | etcdmain: bad"),
        ("2026-11-22T12:00:01+0000 error etcd-member: bad", "error etcd-member: bad"),
        ("3 of 4 went wrong", "3 of 4 went wrong"),
        ("plain words", "plain words"),
    ])
    func `the same cause gives the same words, whenever it was`(line: String, words: String) {
        #expect(ExitCause(.code(1), log: line) == .failed(code: 1, lastWords: words))
    }

    @Test func `after everything was killed everything is started in one pass`() {
        let seen = Orders.cluster(Orders.record(.bootstrapped), running: false)
        #expect(plan(seen).steps == (0..<3).map { .start(member: "orders-\($0)", as: .existing) })
    }

    @Test(arguments: [DirectoryState.gone, .empty, .damaged("crc mismatch")])
    func `rule 5: a member without its data is not started and the reason is told`(
        directory: DirectoryState
    ) {
        let seen = Orders.healthy().lost(1, directory)
        let plan = plan(seen)
        #expect(plan.steps.map(\.description) == ["give up orders-1"])
        let status = status(of: seen, plan: plan, failure: nil, previous: nil)
        #expect(status.condition(.degraded)?.status == .true)
        #expect(["DataLost", "DataDamaged"].contains(status.condition(.degraded)?.reason))
        #expect(status.condition(.available)?.status == .true)
    }

    @Test func `rule 5: an unreadable directory is no lost one`() {
        let seen = Orders.healthy().ended(1).with(1) { $0.directory = .unknown("EIO") }
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason) == ["DirectoryUnknown"])
    }

    @Test func `the wait doubles from a fifth of a second to half a minute`() {
        var history = ExitHistory()
        var waits: [Duration] = []
        for _ in 0..<11 {
            history.record(
                .init(cause: .failed(code: 1, lastWords: ""), at: .zero, witnessed: true),
                served: false,
                ranFor: .milliseconds(50)
            )
            waits.append(history.delay)
        }
        let milliseconds = [0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]
        #expect(waits == milliseconds.map { .milliseconds($0) })
        history.record(
            .init(cause: .signal(9), at: .zero, witnessed: true),
            served: true,
            ranFor: .seconds(2)
        )
        #expect(history.delay == .zero)
    }

    @Test func `who waits for a port looks every second, since looking costs nothing`() {
        var history = ExitHistory()
        for _ in 0..<11 {
            history.record(
                .init(cause: .portInUse("process 99"), at: .zero, witnessed: true),
                served: false,
                ranFor: .zero
            )
        }
        #expect(history.delay == .seconds(1))
    }

    @Test func `a member in its backoff is waited for exactly as long as it takes`() {
        let seen = Orders.healthy().ended(1).with(1) { member in
            for _ in 0..<3 {
                member.exits.record(
                    .init(cause: .signal(6), at: Orders.now.monotonic, witnessed: true),
                    served: false,
                    ranFor: .zero
                )
            }
        }
        let plan = plan(seen)
        #expect(plan.steps.isEmpty)
        #expect(plan.recheckAfter == .milliseconds(800))
        #expect(plan.waitingFor == "orders-1's next start")
    }

    @Test(arguments: [
        ("listen tcp 127.0.0.1:2379: bind: address already in use", "PortInUse"),
        ("write wal: no space left on device", "NoSpace"),
        ("walpb: crc mismatch", "DataCorrupt"),
        ("etcd-member: data directory is locked by another process", "DataLocked"),
        ("flag provided but not defined: -nonsense", "ConfigurationRefused"),
        ("mmap: cannot allocate memory", "OutOfMemory"),
        ("something else", "Failing"),
    ])
    func `rule 15: an exit is classified by the last words`(line: String, reason: String) {
        let log = "2026-11-22 started\n\(line)\n"
        #expect(ExitCause(.code(1), log: log).reason == reason)
        #expect(ExitCause(.signal(9), log: log) == .signal(9))
        #expect(ExitCause(.code(0), log: log) == .clean)
        #expect(ExitCause(.unseen, log: log) == .unseen)
    }

    @Test(arguments: [
        "panic: freepages: failed to get all reachable pages (page 7: invalid type: unknown<00>)",
        "panic: assertion failed: Page expected to be: 9, but self identifies as 0",
        "panic: invalid page type: 12: 5a",
        "panic: page 12 already freed",
    ])
    func `rule 15: what a panic says counts however many stacks follow it`(panic: String) {
        let stacks = (0..<40).map { "goroutine \($0) [running]:\nmain.main()\n\t/x.go:\($0)" }
        let log = "fatal error: fault\n\(panic)\n\n" + stacks.joined(separator: "\n\n")
        #expect(ExitCause(.code(2), log: log) == .corruption(panic))
        let bug = "panic: runtime error: index out of range\n" + stacks.joined(separator: "\n\n")
        #expect(ExitCause(.code(2), log: bug).reason == "Failing")
    }

    @Test(arguments: [
        "2026-11-22 10:15:00.000000 C | mvcc: cannot unmarshal event: proto: illegal wireType 7",
        #"{"level":"fatal","msg":"failed to unmarshal mvccpb.KeyValue","error":"unexpected EOF"}"#,
        #"{"level":"panic","msg":"failed to open database","error":"checksum error"}"#,
    ])
    func `rule 15: rows that nobody can read are damage`(line: String) {
        #expect(ExitCause(.code(1), log: line).reason == "DataCorrupt")
    }

    @Test(arguments: [
        (64, "ConfigurationRefused"), (65, "DataCorrupt"), (66, "StartRefused"),
        (69, "PortInUse"), (74, "DiskFailure"), (75, "DataLocked"), (76, "NoSpace"),
        (77, "StartRefused"),
    ])
    func `rule 15: our own member's exit codes outrank its words`(code: Int32, reason: String) {
        #expect(ExitCause(.code(code), log: "walpb: crc mismatch\n").reason == reason)
    }

    /// `simulate --world operators --seed 102` found two that waited for ever.
    @Test func `who has left is started once more when the others know no leader without it`() {
        var seen = Orders.voters(2).ended(1, .stopped).with { record in
            record.update("orders-1") { member in
                let now = Orders.now.wall
                member.departure = Departure(.scaledDown, "", at: now, unlistedAt: now)
            }
        }
        seen.spec.replicas = 1
        #expect(plan(seen).steps != [.start(member: "orders-1", as: .existing)])
        seen.memberList = nil
        let clusterID = seen.known.clusterID
        for (seconds, steps) in [(1, []), (99, [Step.start(member: "orders-1", as: .existing)])] {
            let waiting = seen.hanging(0, for: .seconds(seconds)).with(0) { member in
                member.probe = Probe(.noLeader)
                member.probe.clusterID = clusterID
            }
            #expect(plan(waiting).steps == steps)
        }
    }
}
