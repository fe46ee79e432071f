import ClusterAPI
import Planning

/// A cluster of three in the state in which a test wants it.
enum Orders {
    static let name = ClusterName(name: "orders")
    static let now = Instant(
        monotonic: .seconds(1000),
        wall: Timestamp(seconds: 1_800_000_000)
    )

    static func record(_ phase: ClusterRecord.Phase, launched: Bool = true) -> ClusterRecord {
        var record = planned
        record.phase = phase
        for index in record.members.indices { record.members[index].launched = launched }
        return record
    }

    private static let planned = ClusterRecord(
        cluster: EtcdCluster(metadata: Metadata(name: "orders")),
        uid: "u1",
        token: "orders-u1",
        slots: (0..<3).map { slot($0) },
        source: "orders.yaml"
    )

    static func slot(_ number: Int, block: Int = 23_790) -> ClusterRecord.Slot {
        .init(address: "127.0.0.1", block: block, number: number)
    }

    /// Nothing but a spec.
    static func fresh() -> Observation {
        Observation(name: name, spec: ClusterSpec(), now: now)
    }

    /// A record, and members as `directory` and `running` say.
    static func cluster(
        _ record: ClusterRecord,
        directory: DirectoryState = .intact,
        running: Bool = true
    ) -> Observation {
        var seen = fresh()
        seen.record = .read(record)
        seen.members = record.members.map { member in
            var observed = MemberObservation(name: member.name, directory: directory)
            if running {
                observed.process = .running(processID: 7, since: .seconds(100))
                observed.probe = serving(record, member)
                observed.servingSince = .seconds(100)
            }
            return observed
        }
        if running {
            seen.memberList = MemberList(
                clusterID: record.clusterID,
                entries: record.members.filter { $0.id != nil }.map {
                    .init(
                        id: $0.id ?? "",
                        name: $0.name,
                        isLearner: !$0.isVoter,
                        peerURLs: [$0.slot.peerURL]
                    )
                }
            )
        }
        return seen
    }

    /// Three members that serve.
    static func healthy() -> Observation {
        cluster(record(.bootstrapped))
    }

    /// Three members that serve, with more data than their quota of 1000 bytes allows.
    static func full() -> Observation {
        var seen = healthy().with { $0.applied.spec.storage.quota = Quantity(bytes: 1000) }
        seen.spec.storage.quota = Quantity(bytes: 1000)
        for index in 0..<3 { seen = seen.with(index) { $0.probe.dbSize = 1100 } }
        seen.alarms = [Alarm(.noSpace, memberID: seen.known.members[1].id ?? "")]
        return seen
    }

    /// Three members that serve, and a fourth that is planned and not yet added.
    static func joining() -> Observation {
        voters(3, learner: true).with { record in
            record.update("orders-3") { member in
                member.id = nil
                member.launched = false
                member.hasLog = false
            }
        }.with(3) { member in
            member.process = .none
            member.probe = Probe(.exited)
            member.directory = .gone
        }
    }

    static func serving(_ record: ClusterRecord, _ member: ClusterRecord.Member) -> Probe {
        var probe = Probe(.serving)
        probe.clusterID = record.clusterID
        probe.memberID = member.id
        probe.leaderID = record.members[0].id
        probe.revision = 5
        probe.isLearner = !member.isVoter
        return probe
    }

    /// A bootstrapped cluster that serves and in which so many vote, and perhaps one more learns.
    static func voters(_ count: Int, learner: Bool = false) -> Observation {
        var record = record(.bootstrapped)
        for number in 3..<max(3, count + (learner ? 1 : 0)) {
            record.enlist(in: slot(number))
        }
        while record.members.count > count + (learner ? 1 : 0) {
            record.update("orders-\(record.members.count - 1)") {
                $0.departure = Departure(.scaledDown, "", at: now.wall)
            }
            record.forget("orders-\(record.members.count - 1)")
        }
        for (index, member) in record.members.enumerated() where member.id == nil {
            record.update(member.name) { member in
                member.id = "f\(index)"
                member.launched = true
                member.hasLog = true
                member.isVoter = index < count
            }
        }
        var seen = cluster(record)
        seen.spec.replicas = count
        return seen
    }
}

extension Observation {
    /// The same with one member changed.
    func with(_ index: Int, _ change: (inout MemberObservation) -> Void) -> Observation {
        var copy = self
        change(&copy.members[index])
        return copy
    }

    /// The same with a process that ended just now.
    func ended(
        _ index: Int,
        _ cause: ExitCause = .signal(9),
        witnessed: Bool = true,
        served: Bool = true
    ) -> Observation {
        with(index) { member in
            member.process = .none
            member.probe = Probe(.exited)
            member.exits.record(
                .init(cause: cause, at: now.monotonic, witnessed: witnessed),
                served: served,
                ranFor: .seconds(100)
            )
        }
    }

    /// The same with a member that runs and has failed its probes for so long.
    func hanging(_ index: Int, for duration: Duration, restarted: Bool = false) -> Observation {
        with(index) { member in
            member.probe = Probe(.unreachable, message: "no answer")
            member.servingSince = nil
            member.failingSince = now.monotonic - duration
            member.unservedSince = now.monotonic - duration
            member.failures = 9
            member.vainRestarts = restarted ? 1 : 0
        }
    }

    /// The same with a member whose data is lost, and which has ended for that.
    func lost(_ index: Int, _ state: DirectoryState = .gone) -> Observation {
        ended(index).with(index) { $0.directory = state }
    }

    var known: ClusterRecord {
        guard case .read(let record) = record else { fatalError("there is no record") }
        return record
    }

    func with(record change: (inout ClusterRecord) -> Void) -> Observation {
        guard case .read(var record) = record else { return self }
        change(&record)
        var copy = self
        copy.record = .read(record)
        return copy
    }
}
