import ClusterAPI
import Planning
import Testing

/// What an edit does to members that run.
@Suite struct RolloutTests {
    private func flag(_ name: String, of cluster: RehearsedCluster) -> [String?] {
        cluster.record.members.map { member in
            member.launch?.arguments.first { $0.hasPrefix("--\(name)=") }
        }
    }

    @Test func `rule 18: members are launched anew one at a time, the leader last`() {
        var cluster = RehearsedCluster()
        cluster.edit { $0.settings.snapshotCount = 77 }
        let done = cluster.settle()
        #expect(
            done == [
                "roll out generation 1",
                "stop orders-2, to start it with what is rolled out", "start orders-2",
                "compare the members' data", "keep orders-2 as it was launched",
                "stop orders-1, to start it with what is rolled out", "start orders-1",
                "compare the members' data", "keep orders-1 as it was launched",
                "make orders-1 the leader",
                "stop orders-0, to start it with what is rolled out", "start orders-0",
                "compare the members' data", "keep orders-0 as it was launched",
                "end the roll-out: every member has it",
            ]
        )
        #expect(flag("snapshot-count", of: cluster).allSatisfy { $0 == "--snapshot-count=77" })
        #expect(cluster.record.applied.spec.settings.snapshotCount == 77)
        #expect(cluster.mostAway == 1)
        #expect(plan(cluster.seen).phase == .running)
    }

    @Test func `rule 15: a member that does not come up goes back, and nobody else is touched`() {
        var cluster = RehearsedCluster()
        cluster.flaw = { launch in
            launch.arguments.contains("--nonsense=1") ? "flag provided but not defined" : nil
        }
        let before = cluster.record.members.map(\.launch)
        cluster.edit { $0.settings.extraArgs = [.init(name: "nonsense", value: "1")] }
        let done = cluster.settle()
        #expect(done.filter { $0 == "launch orders-2 as it was before" }.count == 1)
        #expect(!done.contains { $0.contains("orders-1") || $0.contains("orders-0") })
        #expect(cluster.record.members.map(\.launch) == before)
        #expect(cluster.seen.serving.count == 3)
        let halted = plan(cluster.seen)
        #expect(halted.phase == .running && halted.steps.isEmpty)
        let note = halted.notes.first { $0.reason == "RolloutHalted" }
        #expect(note?.message.contains("flag provided but not defined") == true)

        // Taken back, it is as it was; corrected, it goes on.
        var back = cluster
        back.edit { $0.settings.extraArgs = [] }
        #expect(
            back.settle() == [
                "roll out generation 2", "end the roll-out: every member has it",
            ]
        )
        cluster.edit { $0.settings.extraArgs = [.init(name: "max-txn-ops", value: "9")] }
        _ = cluster.settle()
        #expect(flag("max-txn-ops", of: cluster).allSatisfy { $0 == "--max-txn-ops=9" })
        #expect(cluster.mostAway == 1)
    }

    @Test func `rule 18: one member is changed for another, so that there is always one`() {
        for replicas in 1...2 {
            var cluster = RehearsedCluster(replicas: replicas)
            cluster.edit { $0.settings.snapshotCount = 77 }
            let done = cluster.settle()
            #expect(cluster.mostAway == 0, "\(done)")
            #expect(cluster.record.members.count == replicas, "\(done)")
            let flags = flag("snapshot-count", of: cluster)
            #expect(flags.allSatisfy { $0 == "--snapshot-count=77" }, "\(done)")
            #expect(cluster.record.members.allSatisfy { $0.ordinal >= replicas }, "\(done)")
            #expect(cluster.record.rollout == nil, "\(done)")
        }
    }

    @Test func `rule 15: who joins with what does not come up is given up, and the rest stays`() {
        var cluster = RehearsedCluster(replicas: 1)
        cluster.flaw = { $0.arguments.contains("--nonsense=1") ? "no such flag" : nil }
        cluster.edit { $0.settings.extraArgs = [.init(name: "nonsense", value: "1")] }
        let done = cluster.settle()
        #expect(cluster.record.members.map(\.name) == ["orders-0"], "\(done)")
        #expect(cluster.record.rollout?.halted?.contains("orders-3") == true)
        #expect(cluster.mostAway == 0)
        cluster.edit { $0.settings.extraArgs = [] }
        #expect(
            cluster.settle() == [
                "roll out generation 2", "end the roll-out: every member has it",
            ]
        )
    }

    @Test func `another engine comes with other members, each in the place of one`() {
        var cluster = RehearsedCluster()
        cluster.edit { $0.engine = .etcd(version: nil, binary: "/usr/bin/etcd") }
        let done = cluster.settle()
        #expect(cluster.record.members.map(\.ordinal) == [3, 4, 5], "\(done)")
        #expect(cluster.record.members.allSatisfy { $0.launch?.program == "new" })
        #expect(cluster.mostAway == 0)
        #expect(!done.contains { $0.hasPrefix("stop") && $0.contains("rolled out") })
    }

    @Test func `rule 22: timings that do not go together are reached in two stages`() {
        let slow = Duration.milliseconds(500)
        var cluster = RehearsedCluster()
        cluster.edit { spec in
            spec.settings.heartbeatInterval = slow
            spec.settings.electionTimeout = .seconds(5)
        }
        var pairs: Set<[String]> = []
        for _ in 0..<400 {
            for member in cluster.record.members {
                let launch = member.launch?.arguments ?? []
                pairs.insert(
                    launch.filter {
                        $0.hasPrefix("--heartbeat-interval") || $0.hasPrefix("--election-timeout")
                    }
                )
            }
            cluster.turn()
        }
        #expect(
            pairs == [
                ["--heartbeat-interval=100", "--election-timeout=1000"],
                ["--heartbeat-interval=100", "--election-timeout=5000"],
                ["--heartbeat-interval=500", "--election-timeout=5000"],
            ]
        )
        #expect(cluster.record.applied.spec.settings.heartbeatInterval == slow)
        #expect(cluster.record.rollout == nil)
        #expect(cluster.mostAway == 1)
    }

    @Test func `rule 15: what has halted on its way to a spec does not begin again for it`() {
        var cluster = RehearsedCluster()
        cluster.flaw = { $0.arguments.contains("--nonsense=1") ? "no such flag" : nil }
        cluster.edit { spec in
            spec.settings.heartbeatInterval = .milliseconds(500)
            spec.settings.electionTimeout = .seconds(5)
            spec.settings.extraArgs = [.init(name: "nonsense", value: "1")]
        }
        let done = cluster.settle()
        #expect(done.count { $0.hasPrefix("roll out") } == 1, "\(done)")
        // Members come and go, and what runs goes together with the spec by then.
        for member in cluster.record.members {
            cluster.seen = cluster.seen.with { record in
                record.update(member.name) { member in
                    let beat = "--heartbeat-interval=100"
                    member.launch?.arguments.removeAll { $0 == beat }
                }
            }
        }
        cluster.edit { $0.healing.unhealthyAfter = .seconds(50) }
        #expect(cluster.settle().isEmpty)
        #expect(plan(cluster.seen).notes.contains { $0.reason == "RolloutHalted" })
    }

    @Test func `rule 18: nobody is taken away while something else is wrong`() {
        var cluster = RehearsedCluster()
        cluster.edit { $0.settings.snapshotCount = 77 }
        let begun = cluster.seen.with { record in
            record.rollout = Rollout(
                target: record.accepted,
                goal: record.accepted,
                program: "old",
                sha256: "old"
            )
        }
        func held(_ seen: Observation) -> String? {
            let plan = plan(seen)
            let isHarmless = plan.steps.allSatisfy { !$0.isDisruptive }
            #expect(isHarmless, "\(plan.steps)")
            return plan.notes.first { $0.reason == "RolloutHeld" }?.message
        }
        #expect(plan(begun).steps == [.relaunch(member: "orders-2")])
        #expect(held(begun.hanging(1, for: .seconds(1)))?.contains("all voters serve") == true)
        var suspicious = begun
        suspicious.fleet.suspicion = "too many"
        #expect(held(suspicious)?.contains("too many") == true)
        var corrupt = begun
        corrupt.alarms = [Alarm(.corrupt, memberID: "1")]
        #expect(plan(corrupt).steps == [.compareHashes])
        var leaderless = begun
        for index in 0..<3 { leaderless.members[index].probe.leaderID = nil }
        #expect(held(leaderless)?.contains("a leader") == true)
        var unknown = begun
        unknown.memberList = nil
        #expect(held(unknown)?.contains("quorum") == true)
    }

    @Test func `a larger quota comes before history is dropped for want of room`() {
        var cluster = RehearsedCluster()
        for index in 0..<3 { cluster.seen.members[index].probe.dbSize = 9 << 30 }
        cluster.seen.alarms = [Alarm(.noSpace, memberID: "1")]
        cluster.edit { $0.storage.quota = Quantity(bytes: 16 << 30) }
        var done: [Step] = []
        for _ in 0..<300 { done += cluster.turn() }
        #expect(cluster.record.applied.spec.storage.quota == Quantity(bytes: 16 << 30))
        #expect(!done.contains(.compact))
        #expect(done.contains { if case .disarm = $0 { true } else { false } })
    }

    /// Who has stored nothing takes another engine with them.
    @Test(arguments: [ClusterSpec().engine, .etcd(version: nil, binary: "/bin/etcd")])
    func `a member that its flags keep down gets the ones that were corrected`(
        engine: ClusterSpec.Engine
    ) {
        var cluster = RehearsedCluster()
        cluster.flaw = { $0.arguments.contains("--nonsense=1") ? "no such flag" : nil }
        cluster.seen = cluster.seen.with { record in
            record.phase = .started
            record.applied.spec.settings.extraArgs = [.init(name: "nonsense", value: "1")]
            record.accepted = record.applied
            for member in record.members {
                record.update(member.name) { member in
                    member.launch?.arguments.append("--nonsense=1")
                    (member.launched, member.hasLog) = (false, false)
                }
            }
        }
        cluster.seen.spec = cluster.record.accepted.spec
        for index in 0..<3 {
            cluster.seen.members[index].directory = .empty
            for _ in 0..<2 {
                cluster.seen = cluster.seen.ended(index, .configuration("no flag"), served: false)
                cluster.seen.members[index].exits.record(
                    .init(
                        cause: .configuration(""),
                        at: cluster.seen.now.monotonic,
                        witnessed: true
                    ),
                    served: false,
                    ranFor: .zero
                )
            }
        }
        cluster.seen.memberList = nil
        cluster.edit {
            $0.settings.extraArgs = []
            $0.engine = engine
        }
        var done: [Step] = []
        for _ in 0..<100 { done += cluster.turn() }
        #expect(done.contains(.correctLaunch(member: "orders-0")), "\(done)")
        #expect(cluster.seen.serving.count == 3, "\(done)")
        #expect(cluster.record.phase == .bootstrapped, "\(done)")
        #expect(cluster.record.rollout == nil, "\(done)")
    }

    @Test(arguments: [ClusterRecord.Phase.started, .bootstrapped])
    func `nobody joins with what a cluster never came up with`(phase: ClusterRecord.Phase) {
        var record = Orders.record(phase)
        record.members[0].launch = LaunchRecord(program: "/bin/old", sha256: "0", arguments: [])
        var target = record.applied
        target.spec.settings.snapshotCount = 77
        record.rollout = Rollout(target: target, goal: target, program: "/bin/x", sha256: "1")
        record.correctLaunch(of: record.members[0])
        #expect(record.members[0].launch?.program == "/bin/x")
        #expect((record.applied == target) == (phase == .started))
    }

    @Test func `a joiner that failed with what was corrected since halts nothing`() {
        var cluster = RehearsedCluster(replicas: 1)
        cluster.flaw = { $0.arguments.contains("--nonsense=1") ? "no such flag" : nil }
        cluster.edit { $0.settings.extraArgs = [.init(name: "nonsense", value: "1")] }
        for _ in 0..<100 where cluster.seen.members.last?.exits.streak ?? 0 < 3 { cluster.turn() }
        #expect(cluster.seen.members.last?.exits.streak == 3)
        #expect(cluster.record.rollout?.halted == nil)
        cluster.edit {
            $0.settings.extraArgs = []
            $0.settings.snapshotCount = 77
        }
        let done = cluster.settle()
        // The one from before, at most.
        #expect(done.dropFirst().allSatisfy { !$0.contains("halt") }, "\(done)")
        #expect(flag("snapshot-count", of: cluster) == ["--snapshot-count=77"], "\(done)")
    }

    @Test func `members that shall listen elsewhere are changed for others, one at a time`() {
        for network in [
            ClusterSpec.Network(basePort: 30_000), .init(address: "127.0.0.2"),
            .init(address: "::1", basePort: 31_000),
        ] {
            var cluster = RehearsedCluster()
            cluster.edit { $0.network = network }
            let done = cluster.settle()
            let slots = cluster.record.members.map(\.slot)
            let block = network.basePort == 0 ? 23_790 : network.basePort
            #expect(slots.allSatisfy { $0.address == network.address }, "\(done)")
            #expect(slots.allSatisfy { $0.block == block } && slots.count == 3, "\(done)")
            #expect(cluster.mostAway == 0 && cluster.record.rollout == nil, "\(done)")
            #expect(plan(cluster.seen).phase == .running)
            // Leaving it to the operator, or naming what is, changes nothing.
            for base in [0, block] {
                cluster.edit { $0.network.basePort = base }
                #expect(cluster.settle().isEmpty)
            }
        }
    }

    @Test func `a move that is taken back leaves everybody where they are`() {
        var cluster = RehearsedCluster()
        cluster.edit { $0.network.basePort = 30_000 }
        cluster.turn()
        #expect(cluster.record.rollout?.target.spec.network.basePort == 30_000)
        cluster.edit { $0.network.basePort = 0 }
        let done = cluster.settle()
        #expect(cluster.record.members.map(\.ordinal) == [0, 1, 2], "\(done)")
        #expect(cluster.record.rollout == nil && cluster.mostAway == 0, "\(done)")
    }

    @Test func `rule 15: who failed with what was corrected since goes back, and nothing halts`() {
        var cluster = RehearsedCluster()
        cluster.flaw = { $0.arguments.contains("--nonsense=1") ? "no such flag" : nil }
        cluster.edit { $0.settings.extraArgs = [.init(name: "nonsense", value: "1")] }
        for _ in 0..<100 where cluster.seen.members[2].exits.streak < 2 { cluster.turn() }
        #expect(cluster.seen.members[2].exits.streak == 2)
        cluster.edit {
            $0.settings.extraArgs = []
            $0.settings.snapshotCount = 77
        }
        let done = cluster.settle()
        #expect(done.filter { $0 == "launch orders-2 as it was before" }.count <= 1, "\(done)")
        #expect(flag("snapshot-count", of: cluster).allSatisfy { $0 == "--snapshot-count=77" })
        #expect(cluster.record.rollout == nil && cluster.mostAway == 1, "\(done)")
    }

    @Test func `a roll-out does not wait for the data of a member that somebody else removed`() {
        var cluster = RehearsedCluster(replicas: 5)
        cluster.edit { $0.settings.snapshotCount = 77 }
        for _ in 0..<100 where cluster.record.members.allSatisfy({ $0.lastGood == nil }) {
            cluster.turn()
        }
        #expect(cluster.record.members[4].lastGood != nil)
        let removed = cluster.record.members[0].id
        cluster.seen.memberList?.entries.removeAll { $0.id == removed }
        cluster.seen.members[0].probe = Probe(.exited)
        cluster.seen.members[0].process = .none
        cluster.seen.members[0].servingSince = nil
        #expect(cluster.settle().contains("keep orders-4 as it was launched"))
    }
}
