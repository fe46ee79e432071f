import ClusterAPI
import NIOCore
import NIOPosix
import Operator
import Planning
import Testing

/// What the workers of a machine know together.
@Suite struct FleetMemoryTests {
    private func record(_ name: String, replacing: Bool = false) -> ClusterRecord {
        var record = ClusterRecord(
            cluster: EtcdCluster(metadata: Metadata(name: name)),
            uid: name,
            token: name,
            slots: (0..<3).map { .init(address: "127.0.0.1", block: 4000, number: $0) },
            source: "a.yaml"
        )
        if replacing {
            record.members[0].departure = Departure(.dataLost, "", at: Timestamp(seconds: 0))
        }
        return record
    }

    /// What the fleet says to a cluster of which members fail since then.
    private func observe(
        _ fleet: Operator.Fleet,
        _ name: String,
        failing: [Int?] = [nil, nil, nil],
        replacing: Bool = false,
        hasQuorum: Bool = true,
        replicas: Int = 3,
        at seconds: Int = 100
    ) -> FleetObservation {
        let record = record(name, replacing: replacing)
        let now = Instant(monotonic: .seconds(seconds), wall: Timestamp(seconds: 0))
        var seen = Observation(name: record.cluster, spec: ClusterSpec(), now: now)
        seen.spec.replicas = replicas
        seen.record = .read(record)
        if hasQuorum { seen.memberList = MemberList(clusterID: record.clusterID, entries: []) }
        for member in record.members {
            seen.memberList?.entries.append(
                .init(id: member.id ?? "", name: member.name, isLearner: false)
            )
        }
        seen.members = zip(record.members, failing).map { member, since in
            var observed = MemberObservation(
                name: member.name,
                directory: .intact,
                process: .running(processID: 7, since: .zero)
            )
            observed.failingSince = since.map { .seconds($0) }
            observed.probe = Probe(.serving)
            observed.probe.clusterID = record.clusterID
            observed.probe.memberID = member.id
            return observed
        }
        return fleet.observe(seen, record)
    }

    @Test func `rule 16: over a third at one time are a fault of the observer`() {
        let fleet = Operator.Fleet()
        _ = observe(fleet, "a", failing: [90, nil, nil])
        _ = observe(fleet, "b")
        #expect(observe(fleet, "c", failing: [95, 97, nil]).suspicion == nil)
        // Four of nine, within ten seconds.
        let suspicion = observe(fleet, "c", failing: [95, 97, 100]).suspicion
        #expect(suspicion?.hasPrefix("4 of 9 members") == true)
        // Everybody is told, for ten minutes; what fails then does fail.
        #expect(observe(fleet, "b", at: 689).suspicion != nil)
        #expect(observe(fleet, "b", at: 700).suspicion == nil)
    }

    @Test func `rule 16: failures that come one after the other are those of members`() {
        let fleet = Operator.Fleet()
        _ = observe(fleet, "a", failing: [10, 30, 50])
        #expect(observe(fleet, "b", failing: [70, 90, nil]).suspicion == nil)
    }

    @Test func `rule 16: few members say nothing`() {
        let fleet = Operator.Fleet()
        #expect(observe(fleet, "a", failing: [90, 90, 90]).suspicion == nil)
    }

    @Test func `rule 15: the others that are being repaired are counted, and forgotten`() {
        let fleet = Operator.Fleet()
        #expect(observe(fleet, "a", replacing: true).replacing == 0)
        #expect(observe(fleet, "b", replacing: true).replacing == 1)
        #expect(observe(fleet, "c").replacing == 2)
        _ = observe(fleet, "a")
        #expect(observe(fleet, "c").replacing == 1)
        fleet.forget(ClusterName(name: "b"))
        #expect(observe(fleet, "c").replacing == 0)
        // Who cannot go on with it, or shall not, keeps nobody from being repaired.
        _ = observe(fleet, "a", replacing: true, hasQuorum: false)
        _ = observe(fleet, "b", replacing: true, replicas: 0)
        #expect(observe(fleet, "c").replacing == 0)
    }

    @Test func `rule 16: when all fail at one time two are repaired, and then the next`() {
        let fleet = Operator.Fleet()
        let names = ["a", "b", "c"].map { ClusterName(name: $0) }
        // Nobody was being repaired when all three of them looked.
        for name in names { #expect(observe(fleet, name.name).replacing == 0) }
        let step = Step.retire(
            member: "x",
            Departure(.dataLost, "", at: Timestamp(seconds: 0))
        )
        #expect(names.map { fleet.hindrance(to: step, of: $0) == nil } == [true, true, false])
        #expect(fleet.hindrance(to: step, of: names[2]) == "2 other clusters to be repaired")
        _ = observe(fleet, "a")
        #expect(fleet.hindrance(to: step, of: names[2]) == nil)
        // That there shall be fewer members is no repair.
        let fewer = Step.retire(
            member: "x",
            Departure(.scaledDown, "", at: Timestamp(seconds: 0))
        )
        #expect(fleet.hindrance(to: fewer, of: ClusterName(name: "d")) == nil)
    }

    @Test func `rule 16: databases are written anew in two clusters at a time`() {
        let fleet = Operator.Fleet()
        let names = ["a", "b", "c"].map { ClusterName(name: $0) }
        let step = Step.defragment(member: "x")
        #expect(names.map { fleet.hindrance(to: step, of: $0) == nil } == [true, true, false])
        // A look while it goes on does not end it.
        _ = observe(fleet, "a")
        #expect(fleet.hindrance(to: step, of: names[2]) != nil)
        fleet.ended(step, of: names[0])
        #expect(fleet.hindrance(to: step, of: names[2]) == nil)
    }

    @Test func `rule 16: a cluster that was forgotten has no part in a suspicion`() {
        let fleet = Operator.Fleet()
        _ = observe(fleet, "a", failing: [90, 90, 90])
        #expect(observe(fleet, "b").suspicion != nil)
        fleet.forget(ClusterName(name: "a"))
        #expect(observe(fleet, "b").suspicion == nil)
    }

    @Test func `connections to what is not looked at any more are closed`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let members = EtcdMembers(group: group)
        let urls = try (0..<3).map { _ in
            let listener = try Listener()
            defer { listener.stop() }
            return "http://127.0.0.1:\(listener.port)"
        }
        let looks = await members.look(at: urls)
        #expect(looks.map(\.probe.verdict) == [.unreachable, .unreachable, .unreachable])
        #expect(members.held == urls.sorted())
        _ = await members.look(at: [urls[1]])
        #expect(members.held == [urls[1]])
        await members.close()
        #expect(members.held.isEmpty)
        try await group.shutdownGracefully()
    }
}
