import ClusterAPI
import Operator
import Planning
import Testing

/// What is known only because it was there all the time.
@Suite struct MemoryTests {
    private func member(
        _ verdict: Probe.Verdict,
        running: Bool = true,
        applied: UInt64? = nil
    ) -> MemberObservation {
        var probe = Probe(verdict)
        probe.appliedIndex = applied
        return MemberObservation(
            name: "orders-0",
            directory: .intact,
            process: running ? .running(processID: 7, since: .zero) : .none,
            probe: probe
        )
    }

    /// What a member that is seen so looks like with all that is remembered of it.
    private func told(_ memory: MemberMemory, _ verdict: Probe.Verdict = .unknown)
        -> MemberObservation
    {
        var observed = member(verdict)
        memory.tell(&observed)
        return observed
    }

    @Test func `rule 16: failures are counted from the first of those in a row`() {
        var memory = MemberMemory()
        for second in [1, 2, 3] { memory.take(member(.unreachable), at: .seconds(second)) }
        #expect(told(memory).failures == 3 && told(memory).failingSince == .seconds(1))
        memory.take(member(.serving), at: .seconds(4))
        #expect(told(memory).failures == 0 && told(memory).failingSince == nil)
        #expect(told(memory).servingSince == .seconds(4) && told(memory).unservedSince == nil)
        memory.take(member(.noLeader), at: .seconds(5))
        #expect(told(memory).failures == 1 && told(memory).failingSince == .seconds(5))
        #expect(told(memory).servingSince == nil && told(memory).unservedSince == .seconds(5))
    }

    @Test func `rule 16: silence counts while the port takes connections, without a break`() {
        var memory = MemberMemory()
        func look(at second: Int, isWithinReach: Bool) -> Duration? {
            var seen = member(.unreachable)
            seen.probe.isWithinReach = isWithinReach
            memory.take(seen, at: .seconds(second))
            return told(memory).silentSince
        }
        #expect(look(at: 1, isWithinReach: false) == nil)
        #expect(look(at: 2, isWithinReach: true) == .seconds(2))
        #expect(look(at: 3, isWithinReach: true) == .seconds(2))
        #expect(look(at: 4, isWithinReach: false) == nil)
        #expect(look(at: 5, isWithinReach: true) == .seconds(5))
        memory.exit(ended(at: .seconds(6)), .signal(9))
        #expect(told(memory).silentSince == nil)
    }

    @Test func `rule 16: a member without a process does not fail its probes`() {
        var memory = MemberMemory()
        memory.take(member(.exited, running: false), at: .seconds(1))
        #expect(told(memory).failures == 0 && told(memory).failingSince == nil)
        #expect(told(memory).unservedSince == .seconds(1))
        // What it failed before it ended says nothing about the process that follows.
        memory.take(member(.unreachable), at: .seconds(2))
        memory.exit(ended(at: .seconds(3)), .signal(9))
        memory.take(member(.unreachable), at: .seconds(4))
        #expect(told(memory).failures == 1 && told(memory).failingSince == .seconds(4))
        // It has not served since, restart or not.
        #expect(told(memory).unservedSince == .seconds(1))
    }

    private func ended(at moment: Duration, asked: Bool = false) -> EndedProcess {
        EndedProcess(
            status: .signal(9),
            at: moment,
            ranFor: .seconds(1),
            witnessed: true,
            wasAsked: asked
        )
    }

    @Test func `rule 16: what lasted while nobody looked says nothing`() {
        var memory = MemberMemory()
        memory.take(member(.unreachable, applied: 5), at: .seconds(1))
        memory.take(member(.unreachable, applied: 5), at: .seconds(2))
        memory.startAnew(at: .seconds(9000))
        let failing = told(memory)
        #expect(failing.failures == 0 && failing.failingSince == .seconds(9000))
        #expect(failing.unservedSince == .seconds(9000) && failing.stalledSince == .seconds(9000))
        var serving = MemberMemory()
        serving.take(member(.serving), at: .seconds(1))
        serving.startAnew(at: .seconds(9000))
        #expect(told(serving).servingSince == .seconds(9000))
        #expect(told(serving).failingSince == nil && told(serving).unservedSince == nil)
    }

    @Test func `a restart is in vain until the member serves again`() {
        var memory = MemberMemory()
        memory.take(member(.serving), at: .seconds(1))
        memory.noteRestart()
        memory.exit(ended(at: .seconds(2), asked: true), .stopped)
        #expect(told(memory).vainRestarts == 1)
        // It is told to end until it does: that is one restart.
        for _ in 0..<3 { memory.noteRestart() }
        #expect(told(memory).vainRestarts == 1)
        memory.exit(ended(at: .seconds(3), asked: true), .stopped)
        #expect(told(memory).vainRestarts == 2)
        memory.take(member(.serving), at: .seconds(3))
        #expect(!told(memory).wasRestartedInVain)
        // An end that nobody asked for is no restart, nor is one for another reason.
        memory.exit(ended(at: .seconds(4)), .signal(9))
        #expect(!told(memory).wasRestartedInVain)
        memory.exit(ended(at: .seconds(5), asked: true), .stopped)
        #expect(!told(memory).wasRestartedInVain)
    }

    @Test func `who was stopped is on its way back until it serves, whatever its starts come to`() {
        var memory = MemberMemory()
        memory.exit(ended(at: .seconds(2), asked: true), .stopped)
        memory.exit(ended(at: .seconds(3)), .noSpace(""))
        #expect(told(memory).stoppedAt == .seconds(2))
        memory.take(member(.serving), at: .seconds(4))
        #expect(told(memory).stoppedAt == nil)
    }

    @Test func `progress is a higher index, and silence is none`() {
        var memory = MemberMemory()
        memory.take(member(.noLeader, applied: 5), at: .seconds(1))
        memory.take(member(.unreachable), at: .seconds(2))
        memory.take(member(.noLeader, applied: 5), at: .seconds(3))
        #expect(told(memory).stalledSince == .seconds(1))
        memory.take(member(.noLeader, applied: 6), at: .seconds(4))
        #expect(told(memory).stalledSince == .seconds(4))
    }

    // MARK: Clusters

    private let record = Sample.record(phase: .bootstrapped)

    private func cluster(at seconds: Int, wall: Int64? = nil) -> Observation {
        let now = Instant(
            monotonic: .seconds(seconds),
            wall: Timestamp(seconds: wall ?? Int64(seconds))
        )
        var seen = Observation(name: Sample.name, spec: ClusterSpec(), now: now)
        seen.record = .read(record)
        seen.members = record.members.map { member in
            var observed = self.member(.serving)
            observed.name = member.name
            return observed
        }
        return seen
    }

    private func told(_ memory: ClusterMemory, _ seen: Observation) -> Observation {
        var seen = seen
        memory.tell(&seen)
        return seen
    }

    @Test func `rule 16: after a gap what lasts is counted anew`() {
        var memory = ClusterMemory()
        var seen = cluster(at: 10)
        for index in 0..<2 {
            seen.members[index].process = .none
            seen.members[index].directory = .gone
        }
        seen.memberList = MemberList(
            clusterID: record.clusterID,
            entries: [.init(id: "f9", name: "", isLearner: true)]
        )
        let away1 = memory.wasAway(until: .seconds(10))
        #expect(!away1)
        memory.take(seen, record)
        let away2 = memory.wasAway(until: .seconds(130))
        #expect(!away2)
        #expect(told(memory, seen).quorumLostSince == .seconds(10))
        #expect(told(memory, seen).strangers == ["f9": .seconds(10)])
        let away3 = memory.wasAway(until: .seconds(251))
        #expect(away3)
        #expect(told(memory, seen).quorumLostSince == .seconds(251))
        #expect(told(memory, seen).strangers == ["f9": .seconds(251)])
        let away4 = memory.wasAway(until: .seconds(252))
        #expect(!away4)
    }

    @Test func `rule 5: when a lost directory comes back the others get their time anew`() {
        var memory = ClusterMemory()
        func look(at second: Int, lost: Range<Int>) -> Duration? {
            var seen = cluster(at: second)
            for index in lost {
                seen.members[index].process = .none
                seen.members[index].probe = Probe(.exited)
                seen.members[index].directory = .gone
            }
            memory.take(seen, record)
            return told(memory, seen).quorumLostSince
        }
        #expect(look(at: 10, lost: 0..<3) == .seconds(10))
        #expect(look(at: 20, lost: 0..<3) == .seconds(10))
        #expect(look(at: 30, lost: 0..<2) == .seconds(30))
        #expect(look(at: 40, lost: 0..<2) == .seconds(30))
        // That one more is lost gives no time.
        #expect(look(at: 50, lost: 0..<3) == .seconds(30))
        #expect(look(at: 60, lost: 0..<1) == nil)
    }

    @Test func `rule 16: what did not serve while it was down counts from when it may again`() {
        var memory = ClusterMemory()
        let times: [(Int, isUp: Bool, isAnew: Bool)] = [
            (10, true, false), (11, false, false), (12, false, false), (13, true, true),
            (14, true, false),
        ]
        for (second, isUp, isAnew) in times {
            let isAway = memory.wasAway(until: .seconds(second), isUp: isUp)
            #expect(isAway == isAnew, "at \(second)")
        }
        var member = MemberMemory()
        member.noteRestart()
        member.exit(ended(at: .seconds(2), asked: true), .stopped)
        member.startAnew(at: .seconds(3))
        #expect(!told(member).wasRestartedInVain)
    }

    @Test func `a clock that was set is told from one that goes`() {
        var memory = ClusterMemory()
        var steps: [Duration?] = []
        for (monotonic, wall) in [(10, 1000), (20, 1010), (30, 4620), (40, 4630), (50, 1040)] {
            let now = Instant(
                monotonic: .seconds(monotonic),
                wall: Timestamp(seconds: Int64(wall))
            )
            steps.append(memory.clockStep(at: now))
        }
        #expect(steps == [nil, nil, .seconds(3600), nil, .seconds(-3600)])
    }

    /// At 4:30 each day.
    private func scheduled(at wall: Int64, grown: Set<Int> = [0, 1, 2]) -> Observation {
        var seen = cluster(at: 10, wall: wall)
        seen.spec.maintenance.defragment.schedule = try? Schedule(parsing: "30 4 * * *")
        for index in grown {
            seen.members[index].probe.dbSize = 1 << 30
            seen.members[index].probe.dbSizeInUse = 1
        }
        return seen
    }

    /// Looks at the schedule, pass after pass.
    private final class Watch {
        private var memory = ClusterMemory()

        func due(_ seen: Observation) -> Set<String> {
            var seen = seen
            memory.take(seen, Sample.record(phase: .bootstrapped))
            memory.tell(&seen)
            return seen.defragmentDue
        }

        func defragment(_ names: String...) {
            for name in names { memory.note(.defragmented(name), at: .seconds(10)) }
        }
    }

    @Test func `a schedule is due once for each of its times`() {
        let time: Int64 = 4 * 3600 + 30 * 60
        let all: Set = ["orders-0", "orders-1", "orders-2"]
        let watch = Watch()
        #expect(watch.due(scheduled(at: time - 5)).isEmpty)
        #expect(watch.due(scheduled(at: time + 5)) == all)
        watch.defragment("orders-1")
        #expect(watch.due(scheduled(at: time + 9)) == ["orders-0", "orders-2"])
        // Who has become smaller by himself is not due any more, who grows is not due yet.
        #expect(watch.due(scheduled(at: time + 20, grown: [1, 2])) == ["orders-2"])
        #expect(watch.due(scheduled(at: time + 30)) == ["orders-2"])
        watch.defragment("orders-2")
        // Nor does the time come twice when the clock is put back.
        #expect(watch.due(scheduled(at: time - 60)).isEmpty)
        #expect(watch.due(scheduled(at: time + 60)).isEmpty)
        #expect(watch.due(scheduled(at: time + 86_400)) == all)
        // What a clock that ran far ahead has skipped is not skipped for ever.
        #expect(watch.due(scheduled(at: 400 * 86_400)) == all)
        watch.defragment("orders-0", "orders-1", "orders-2")
        #expect(watch.due(scheduled(at: time + 2 * 86_400 - 5)).isEmpty)
        #expect(watch.due(scheduled(at: time + 2 * 86_400)) == all)
    }

    @Test func `the last two comparisons are kept until a new member votes`() {
        var memory = ClusterMemory()
        let seen = cluster(at: 10)
        memory.take(seen, record)
        #expect(told(memory, seen).comparedAt == .seconds(10))
        let all = (1...3).map { HashComparison(at: .seconds(20), revision: $0, answers: [:]) }
        for comparison in all { memory.note(.compared(comparison), at: .seconds(20)) }
        #expect(told(memory, seen).comparisons == [all[1], all[2]])
        #expect(told(memory, seen).comparedAt == .seconds(20))
        memory.note(.admitted, at: .seconds(30))
        #expect(told(memory, seen).comparisons.isEmpty)
        #expect(told(memory, seen).comparedAt < .zero)
    }

    @Test func `what was done about space is forgotten with the alarm, not with the answers`() {
        var memory = ClusterMemory()
        var seen = cluster(at: 10)
        seen.alarms = [Alarm(.noSpace, memberID: "1")]
        memory.take(seen, record)
        memory.note(.compacted, at: .seconds(11))
        memory.note(.defragmented("orders-1"), at: .seconds(12))
        var silent = seen
        silent.alarms = []
        for index in 0..<3 { silent.members[index].probe = Probe(.unreachable) }
        memory.take(silent, record)
        #expect(told(memory, seen).spaceWork.compaction?.at == .seconds(11))
        #expect(told(memory, seen).spaceWork.defragmented == ["orders-1"])
        seen.alarms = []
        memory.take(seen, record)
        #expect(told(memory, seen).spaceWork == SpaceWork())
        memory.note(.compacted, at: .seconds(13))
        memory.note(.disarmed, at: .seconds(14))
        #expect(told(memory, seen).spaceWork == SpaceWork())
    }
}
