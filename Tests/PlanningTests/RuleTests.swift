import ClusterAPI
import Planning
import Testing

@Suite struct RuleTests {
    @Test func `rule 13: while a step goes on nothing is begun but starts and what a loss needs`() {
        var seen = Orders.healthy().hanging(2, for: .seconds(99))
        #expect(plan(seen).steps == [.restart(member: "orders-2")])
        seen.underWay = .defragment(member: "orders-1")
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).waitingFor == "the end of: defragment orders-1")
        #expect(plan(seen.ended(0)).steps == [.start(member: "orders-0", as: .existing)])
        var lost = seen.lost(0).lost(2)
        lost.quorumLostSince = .zero
        #expect(plan(lost).steps == [.beginRecovery])
    }

    @Test func `rule 13: nothing is decided on a record that cannot be used`() {
        var seen = Orders.healthy().ended(0)
        seen.record = .unusable("cluster.json: checksum differs")
        let plan = plan(seen)
        #expect(plan.steps.isEmpty)
        #expect(plan.reason == "cluster.json: checksum differs")
        #expect(plan.blockedBy == "RecordUnusable")
        #expect(plan.notes.map(\.reason) == ["RecordUnusable"])
    }

    @Test func `rule 13: nothing is decided while the process table cannot be read`() {
        var seen = Orders.healthy().ended(0)
        seen.processesUnknown = "/proc: too many open files"
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `rule 13: a record that contradicts itself is refused`() {
        let seen = Orders.healthy().ended(0).with { $0.members.append($0.members[0]) }
        #expect(plan(seen).notes.map(\.reason) == ["RecordUnusable"])
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `rule 13: a member with foreign data is blocked and the others are started`() {
        let seen = Orders.cluster(Orders.record(.bootstrapped), running: false)
            .with(1) { $0.directory = .foreign("identity.json names cluster u9") }
        let plan = plan(seen)
        #expect(
            plan.steps == [
                .start(member: "orders-0", as: .existing),
                .start(member: "orders-2", as: .existing),
            ]
        )
        #expect(plan.notes.map(\.reason) == ["ForeignData"])
    }

    @Test func `rule 13: a foreign cluster id at a quorum blocks everything`() {
        let seen = Orders.healthy().ended(2)
            .with(0) { $0.probe.clusterID = "bad" }.with(1) { $0.probe.clusterID = "bad" }
        #expect(plan(seen).steps.isEmpty)
        let one = Orders.healthy().ended(2).with(0) { $0.probe.clusterID = "bad" }
        #expect(plan(one).steps == [.start(member: "orders-2", as: .existing)])
    }

    @Test func `rule 13: paused outranks deletion, down and restart`() {
        var seen = Orders.healthy().ended(0)
        seen.spec.paused = true
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen.with { $0.desired = .down }).steps.isEmpty)
        #expect(plan(seen.with { $0.desired = .deleted }).phase == .paused)
    }

    @Test func `rule 12: a member whose data another process holds is not started`() {
        let seen = Orders.cluster(Orders.record(.bootstrapped), running: false)
            .with(0) { $0.process = .foreign("process 99 (etcd) uses its data directory") }
        #expect(!plan(seen).steps.contains(.start(member: "orders-0", as: .existing)))
        #expect(plan(seen).notes.map(\.reason) == ["ForeignProcess"])
    }

    @Test func `rule 10: a vanished spec changes nothing and healing goes on`() {
        var seen = Orders.healthy()
        seen.missing = SpecMissing(
            lasting: .seconds(86_400),
            sourceReadable: true,
            vanishedTogether: 1
        )
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen.ended(1)).steps == [.start(member: "orders-1", as: .existing)])
    }

    @Test(arguments: [
        (SpecMissing(lasting: .seconds(599), sourceReadable: true, vanishedTogether: 1), false),
        (SpecMissing(lasting: .seconds(601), sourceReadable: false, vanishedTogether: 1), false),
        (SpecMissing(lasting: .seconds(601), sourceReadable: true, vanishedTogether: 2), false),
        (SpecMissing(lasting: .seconds(601), sourceReadable: true, vanishedTogether: 1), true),
    ])
    func `rule 10: deletionPolicy Delete needs ten minutes, a readable place and a lone absence`(
        missing: SpecMissing,
        deletes: Bool
    ) {
        var seen = Orders.healthy()
        seen.spec.deletionPolicy = .delete
        seen.missing = missing
        #expect(plan(seen).steps == (deletes ? [.latch(.deleted)] : []))
    }

    @Test func `rule 12: a deleted cluster is stopped first and discarded only then`() {
        let seen = Orders.healthy().with { $0.desired = .deleted }
        #expect(plan(seen).steps == [.stop(members: ["orders-1", "orders-2"])])
        let stopped = Orders.cluster(Orders.record(.bootstrapped), running: false)
            .with { $0.desired = .deleted }
        #expect(plan(stopped).steps == [.discard])
        let held = stopped.with(1) { $0.process = .foreign("process 99") }
        #expect(plan(held).steps.isEmpty)
    }

    @Test func `rule 12: a cluster is not down while somebody else uses its data`() {
        let seen = Orders.cluster(Orders.record(.bootstrapped), running: false)
            .with { $0.desired = .down }.with(1) { $0.process = .foreign("process 99") }
        #expect(plan(seen).phase == .stopping)
        #expect(plan(seen).blockedBy == "ForeignProcess")
    }

    @Test func `what was planned and not begun follows the spec`() {
        let planned = Orders.cluster(
            Orders.record(.planned, launched: false),
            directory: .gone,
            running: false
        )
        var fewer = planned
        fewer.spec.replicas = 1
        #expect(plan(fewer).steps == [.allocate(members: 1)])
        var elsewhere = planned
        elsewhere.spec.network.basePort = 4000
        #expect(plan(elsewhere).steps == [.allocate(members: 3)])
        #expect(plan(elsewhere).notes.isEmpty)
    }

    @Test func `naming the ports that were chosen, or leaving them to be chosen, is no change`() {
        var seen = Orders.healthy()
        seen.spec.network.basePort = 23_790
        #expect(plan(seen).notes.isEmpty)
        seen = seen.with { $0.applied.spec.network.basePort = 23_790 }
        seen.spec.network.basePort = 0
        #expect(plan(seen).notes.isEmpty)
    }

    @Test func `rule 14: down stops everything and outranks restart`() {
        let seen = Orders.healthy().ended(0).with { $0.desired = .down }
        #expect(plan(seen).steps == [.stop(members: ["orders-1", "orders-2"])])
        let stopped = Orders.cluster(Orders.record(.bootstrapped), running: false)
            .with { $0.desired = .down }
        #expect(plan(stopped).steps.isEmpty)
        #expect(plan(stopped).phase == .stopped)
    }

    @Test
    func `rule 14: replicas 0 hibernates with the data kept and waking starts what is stored`() {
        var seen = Orders.healthy()
        seen.spec.replicas = 0
        #expect(plan(seen).steps == [.stop(members: ["orders-1", "orders-2"])])
        var asleep = Orders.cluster(Orders.record(.bootstrapped), running: false)
        asleep.spec.replicas = 0
        #expect(plan(asleep).steps.isEmpty)
        #expect(plan(asleep).phase == .hibernated)
        asleep.spec.replicas = 5
        #expect(plan(asleep).steps.count == 3)
        #expect(plan(asleep).notes.map(\.reason) == ["Scaling"])
    }

    @Test func `the leader is stopped when no follower is left to take over`() {
        let seen = Orders.healthy().with { $0.desired = .down }.ended(1, .stopped).ended(
            2,
            .stopped
        )
        #expect(plan(seen).steps == [.stop(members: ["orders-0"])])
    }

    @Test func `a roll-out names what it changes`() {
        var seen = Orders.healthy()
        seen.spec.settings.snapshotCount = 77
        seen.spec.network.basePort = 4000
        seen.spec.settings.extraArgs = [.init(name: "max-txn-ops", value: "256")]
        seen.spec.engine = .etcd(version: nil, binary: "/usr/bin/etcd")
        let plan = plan(seen)
        #expect(plan.steps == [.beginRollout(seen.known.target(for: seen.spec))])
        let expected = [
            "spec.engine.type embedded -> etcd",
            "spec.engine.embedded.compatibility 3.5 -> absent",
            "spec.engine.etcd.binary absent -> /usr/bin/etcd",
            "spec.settings.snapshotCount 10000 -> 77",
            "spec.settings.extraArgs {} -> {max-txn-ops: 256}",
            "spec.network.basePort 0 -> 4000",
        ]
        #expect(plan.reason == expected.joined(separator: ", "))
    }

    @Test func `rule 16: a member that does not answer is left alone`() {
        for verdict in Probe.Verdict.allCases {
            let seen = Orders.healthy().with(1) { $0.probe = Probe(verdict) }
            #expect(plan(seen).steps.isEmpty)
        }
    }

    @Test func `rule 17: a member that somebody removed is not started again, and replaced`() {
        var seen = Orders.healthy().ended(2)
        seen.memberList?.entries.removeLast()
        let plan = plan(seen)
        #expect(plan.steps.map(\.description) == ["give up orders-2"])
        #expect(plan.notes.map(\.reason) == ["MemberRemoved"])
    }

    @Test func `rule 17: a listed member that nobody knows is reported`() {
        var seen = Orders.healthy()
        seen.memberList?.entries.append(.init(id: "77", name: "stray", isLearner: false))
        #expect(plan(seen).notes.map(\.reason) == ["UnknownMember"])
    }

    @Test func `a healthy cluster needs nothing`() {
        let plan = plan(Orders.healthy())
        #expect(plan.steps.isEmpty && !plan.isChanging && plan.notes.isEmpty)
        #expect(plan.recheckAfter == .seconds(10))
    }
}
