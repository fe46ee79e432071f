import ClusterAPI
import Planning
import Testing

/// Members that run and do not serve, and those that do not even start.
@Suite struct HangTests {
    @Test func `rule 16: a member that hangs is restarted once, then replaced`() {
        #expect(plan(Orders.healthy().hanging(1, for: .seconds(59))).steps.isEmpty)
        let hanging = Orders.healthy().hanging(1, for: .seconds(60))
        #expect(plan(hanging).steps == [.restart(member: "orders-1")])
        let again = Orders.healthy().hanging(1, for: .seconds(299), restarted: true)
        #expect(plan(again).steps.isEmpty)
        let given = Orders.healthy().hanging(1, for: .seconds(300), restarted: true)
        #expect(plan(given).steps.map(\.description) == ["give up orders-1"])
    }

    @Test func `rule 16: who had no quorum to serve with gets its time from the return of one on`()
    {
        var seen = Orders.healthy().hanging(1, for: .seconds(99))
        seen.quorumSince = Orders.now.monotonic - .seconds(59)
        #expect(plan(seen).steps.isEmpty)
        seen.quorumSince = Orders.now.monotonic - .seconds(60)
        #expect(plan(seen).steps == [.restart(member: "orders-1")])
    }

    @Test func `rule 16: what was asked to end is seen to its end`() {
        let seen = Orders.healthy().hanging(1, for: .seconds(2)).with(1) { $0.isStopping = true }
        #expect(plan(seen).steps == [.restart(member: "orders-1")])
    }

    @Test func `rule 16: nobody is restarted while the others are no quorum`() {
        let seen = Orders.healthy().hanging(1, for: .seconds(99)).hanging(2, for: .seconds(99))
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason).contains("MemberUnhealthy"))
    }

    /// Nobody serves: the first knows no leader, and the others have answered nothing for 99 s,
    /// though their ports take connections.
    private func silence(_ count: Int) -> Observation {
        var seen = Orders.voters(count)
        seen.memberList = nil
        for index in 0..<count {
            seen = seen.hanging(index, for: .seconds(99)).with(index) { member in
                if index == 0 { member.probe = Probe(.noLeader) }
                if index > 0 { member.silentSince = member.failingSince }
            }
        }
        return seen
    }

    @Test func `rule 16: where nobody serves, who is within reach and answers nothing is ended`() {
        #expect(plan(silence(2)).steps == [.restart(member: "orders-1")])
        #expect(plan(silence(3)).steps == [.restart(member: "orders-1")])
        // Also one that is all of its cluster.
        var alone = Orders.voters(1).hanging(0, for: .seconds(60)).with(0) {
            $0.silentSince = $0.failingSince
        }
        alone.memberList = nil
        #expect(plan(alone).steps == [.restart(member: "orders-0")])
        let short = alone.with(0) { $0.silentSince = alone.now.monotonic - .seconds(59) }
        #expect(plan(short).steps.isEmpty)
        // And one that hangs before the cluster has served once.
        #expect(plan(alone.with { $0.phase = .started }).steps == [.restart(member: "orders-0")])
        // It may need long to read its data, so each next time it gets longer.
        for (restarts, seconds) in [(1, 300), (2, 600), (3, 1200)] {
            for (early, steps) in [(1, []), (0, [Step.restart(member: "orders-0")])] {
                let again = alone.with(0) {
                    $0.vainRestarts = restarts
                    $0.silentSince = alone.now.monotonic - .seconds(seconds - early)
                }
                #expect(plan(again).steps == steps)
            }
        }
    }

    @Test func `rule 16: who cannot be reached may serve, whatever others say`() {
        // `simulate --world operators --seed 264`, and 18.
        var seen = silence(3)
        for index in 1..<3 { seen = seen.with(index) { $0.silentSince = nil } }
        #expect(plan(seen).steps.isEmpty)
        var suspicious = silence(3)
        suspicious.fleet.suspicion = "9 of 12 members ceased to answer at one time"
        #expect(plan(suspicious).steps.isEmpty)
    }

    @Test func `rules 13 and 16: never are two away at once`() {
        let seen = silence(5)
        #expect(plan(seen).steps == [.restart(member: "orders-1")])
        for time in [Duration.seconds(1), .seconds(59)] {
            #expect(plan(seen.hanging(1, for: time, restarted: true)).steps.isEmpty)
        }
        let first = seen.hanging(1, for: .seconds(60), restarted: true)
        #expect(plan(first).steps == [.restart(member: "orders-2")])
        // Nor where a quorum serves without both.
        let five = Orders.voters(5).hanging(3, for: .seconds(99))
        #expect(plan(five).steps == [.restart(member: "orders-3")])
        let back = five.hanging(4, for: .seconds(5), restarted: true)
        #expect(plan(back).steps.isEmpty)
        // Nor is one given up then.
        let given = Orders.voters(5).hanging(3, for: .seconds(300), restarted: true)
        #expect(plan(given).steps.map(\.description) == ["give up orders-3"])
        let held = plan(given.hanging(4, for: .seconds(5), restarted: true))
        #expect(held.steps.isEmpty && held.notes.map(\.reason).contains("ReplacementHeld"))
        // Nor while another was asked to end and takes no notice.
        let ending = given.hanging(4, for: .seconds(90)).with(4) { $0.isStopping = true }
        #expect(plan(ending).steps == [.restart(member: "orders-4")])
        // Or is away, because its start failed or waits, and not for long.
        for (seconds, isHeld) in [(59, true), (60, false)] {
            let away = five.ended(4).with(4) { member in
                member.stoppedAt = five.now.monotonic - .seconds(seconds)
                member.directory = .unknown("EIO")
            }
            #expect(plan(away).steps == (isHeld ? [] : [.restart(member: "orders-3")]))
        }
    }

    @Test func `rule 13: who waits for its next start holds nothing up`() {
        // The data of a majority is lost, and who has its own fails at every start.
        var seen = Orders.healthy().lost(0).lost(1).ended(2)
        seen.memberList = nil
        for _ in 0..<9 {
            let exit = ExitHistory.Exit(
                cause: .failed(code: 1, lastWords: ""),
                at: seen.now.monotonic,
                witnessed: true
            )
            seen = seen.with(2) { $0.exits.record(exit, served: false, ranFor: .zero) }
        }
        seen.quorumLostSince = .zero
        #expect(plan(seen).steps == [.beginRecovery])
        // What nothing else is to be done for waits for that start.
        seen = Orders.healthy().with(2) { $0.exits = seen.members[2].exits }
        seen = seen.with(2) { member in
            member.process = .none
            member.probe = Probe(.exited)
        }
        #expect(plan(seen).waitingFor == "orders-2's next start")
    }

    @Test func `rule 16: nothing is done on the word of probes that are suspect`() {
        var seen = Orders.healthy().hanging(1, for: .seconds(999), restarted: true)
        seen.fleet.suspicion = "9 of 12 members ceased to answer at one time"
        #expect(plan(seen).steps.isEmpty)
        seen = seen.with(1) { $0.vainRestarts = 0 }
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.last?.reason == "ObserverSuspect")
    }

    @Test func `rule 16: a member that refuses the operator is no dead one`() {
        let seen = Orders.healthy().hanging(1, for: .seconds(999), restarted: true)
            .with(1) { $0.probe = Probe(.refusedMe) }
        #expect(plan(seen).steps.isEmpty)
    }
}
