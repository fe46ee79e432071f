import ClusterAPI
import Operator
import Planning
import Storage
import Testing

/// Steps that change a running cluster, and what may come between the decision and the request.
@Suite struct MemberStepTests {
    /// A bootstrapped cluster of three of which all serve and the first leads, and perhaps a
    /// fourth that joins.
    private final class Desk {
        let disk = MemoryDisk()
        let members: ScriptedMembers
        let directory: ClusterDirectory
        var record: ClusterRecord?
        private let executor: Executor

        init(joining id: String?? = .none) throws {
            var record = Sample.record(phase: .bootstrapped)
            for index in record.members.indices {
                record.members[index].launched = true
                record.members[index].hasLog = true
            }
            var list = MemberList(
                clusterID: record.clusterID,
                entries: record.members.map { member in
                    .init(
                        id: member.id ?? "",
                        name: member.name,
                        isLearner: false,
                        peerURLs: [member.slot.peerURL]
                    )
                }
            )
            if let id {
                record.enlist(in: .init(address: "127.0.0.1", block: 3_994, number: 3))
                record.update("orders-3") { $0.id = id }
                if let id {
                    list.entries.append(
                        .init(id: id, name: "", isLearner: true, peerURLs: [Desk.joiner])
                    )
                }
            }
            members = ScriptedMembers(list)
            directory = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
            try directory.save(record)
            self.record = record
            executor = Executor(
                on: directory,
                runtime: FakeMembers(disk: disk, withLog: []),
                members: members
            )
        }

        static let joiner = "http://127.0.0.1:4001"

        var known: ClusterRecord {
            guard let record else { fatalError("there is no record") }
            return record
        }

        func id(_ index: Int) -> String { known.members[index].id ?? "" }
        func url(_ index: Int) -> String { known.members[index].slot.clientURL }

        /// What a pass would see: everybody serves but those that are named.
        func seen(without silent: Int...) -> Observation {
            let now = Instant(monotonic: .seconds(100), wall: Timestamp(seconds: 0))
            var seen = Observation(name: Sample.name, spec: ClusterSpec(), now: now)
            seen.record = .read(known)
            seen.memberList = members.list
            seen.members = known.members.enumerated().map { index, member in
                var observed = MemberObservation(
                    name: member.name,
                    directory: member.isVoter ? .intact : .gone
                )
                guard member.isVoter else { return observed }
                observed.process = .running(processID: 7, since: .zero)
                observed.probe = Probe(silent.contains(index) ? .unreachable : .serving)
                if silent.contains(index) { return observed }
                observed.probe.clusterID = known.clusterID
                observed.probe.memberID = member.id
                observed.probe.leaderID = known.members[0].id
                observed.probe.revision = 5
                return observed
            }
            return seen
        }

        @discardableResult
        func run(_ step: Step, _ seen: Observation? = nil) async throws -> Executor.Outcome {
            let cluster = EtcdCluster(metadata: Metadata(name: "orders"))
            return try await executor.run(
                step,
                &record,
                cluster,
                source: "a.yaml",
                seen ?? self.seen()
            )
        }

        /// The step fails, and the error says so.
        func fails(_ step: Step, _ seen: Observation? = nil) async -> String {
            do {
                let outcome = try await run(step, seen)
                return "it did not fail: \(outcome)"
            } catch {
                return "\(error)"
            }
        }
    }

    // MARK: Adding

    @Test func `the id of an added member is on disk when the step is done`() async throws {
        let desk = try Desk(joining: .some(nil))
        let outcome = try await desk.run(.addLearner(member: "orders-3"))
        guard case .changed(_, "with f9, a learner") = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(try desk.directory.record()?.member("orders-3")?.id == "f9")
        // Once it is written down there is nothing left to ask.
        #expect(try await desk.run(.addLearner(member: "orders-3")) == .unchanged)
        #expect(desk.members.asked == ["add \(Desk.joiner)"])
    }

    @Test func `rule 17: a lost answer to add is not followed by a second request`() async throws {
        let desk = try Desk(joining: .some(nil))
        desk.members.loseAnswers(to: "add")
        let error = await desk.fails(.addLearner(member: "orders-3"))
        #expect(error.contains("nobody knows whether it was done"))
        // Blindly again: the list is read first, and tells.
        let again = try await desk.run(.addLearner(member: "orders-3"))
        #expect(again == .notYet("somebody is listed with its address by now"))
        #expect(desk.members.asked.count == 1)
        // The next pass reads the list, and so knows the member.
        let next = plan(desk.seen())
        #expect(next.steps == [.adoptLearner(member: "orders-3", id: "f9")])
        try await desk.run(next.steps[0])
        #expect(try desk.directory.record()?.member("orders-3")?.id == "f9")
    }

    @Test func `an added member whose id cannot be saved is known by its address`() async throws {
        let desk = try Desk(joining: .some(nil))
        desk.disk.setCapacity(0)
        let error = await desk.fails(.addLearner(member: "orders-3"))
        #expect(error.contains("orders-3 was added as f9"))
        // What is not on disk is not in memory either.
        #expect(desk.known.member("orders-3")?.id == nil)
        desk.disk.setCapacity(.max)
        #expect(plan(desk.seen()).steps == [.adoptLearner(member: "orders-3", id: "f9")])
        #expect(desk.members.asked.count == 1)
    }

    @Test(arguments: [
        "etcdserver: too many learner members in cluster", "etcdserver: unhealthy cluster",
        "etcdserver: Peer URLs already exists", "etcdserver: not leader",
    ])
    func `what the cluster does not do now is tried again`(text: String) async throws {
        let desk = try Desk(joining: .some(nil))
        desk.members.change { $0.failures["add"] = MemberError(MemberError.kind(of: text), text) }
        #expect(try await desk.run(.addLearner(member: "orders-3")) == .notYet(text))
    }

    @Test func `etcd's words mean what they say`() {
        let kinds: [(String, MemberError.Kind)] = [
            ("NotFound: etcdserver: member not found", .notFound),
            ("DeadlineExceeded: context deadline exceeded", .unclear),
            ("Unavailable: etcdserver: request timed out", .unclear),
            (
                "Unavailable: etcdserver: request timed out, possibly due to previous leader "
                    + "failure",
                .unclear
            ),
            ("Unavailable: connection refused", .unclear),
            ("FailedPrecondition: etcdserver: can only promote a learner member", .alreadyDone),
            (
                "FailedPrecondition: etcdserver: can only promote a learner member which is in "
                    + "sync with leader", .notYet
            ),
            ("PermissionDenied: etcdserver: permission denied", .refused),
        ]
        for (text, kind) in kinds { #expect(MemberError.kind(of: text) == kind, "\(text)") }
    }

    @Test func `ports take turns`() async throws {
        let desk = try Desk()
        try desk.directory.writeSentinel(desk.known.uid)
        for name in desk.known.members.map(\.name) {
            _ = try desk.directory.member(name).stamp(desk.known)
        }
        var slots: [Int] = []
        for ordinal in 3..<12 {
            try await desk.run(.enlist)
            slots.append(try #require(desk.known.member("orders-\(ordinal)")).slot.number)
            let departure = Departure(.unhealthy, "", at: Timestamp(seconds: 0))
            try await desk.run(.retire(member: "orders-\(ordinal)", departure))
            try await desk.run(.trash(member: "orders-\(ordinal)"))
        }
        // Those of the three that stay are passed over.
        #expect(slots == [3, 4, 5, 6, 7, 8, 9, 3, 3])
    }

    // MARK: Removing

    @Test func `who joins counts as launched at the last moment before its start`() async throws {
        let desk = try Desk(joining: "f9")
        try desk.directory.writeSentinel(desk.known.uid)
        for name in desk.known.members.map(\.name) {
            _ = try desk.directory.member(name).stamp(desk.known)
        }
        desk.disk.recordMoments()
        #expect(try await desk.run(.start(member: "orders-3", as: .existing)) == .done)
        // An operator that is killed with the mark written and no start spoils the member: that
        // can be between the record's new name and the sync of it, and right after that.
        let marked = desk.disk.moments.map { disk in
            let state = try? StateDirectory(creating: "/state", on: disk)
            let record = try? state?.cluster(Sample.name).record()
            return record?.member("orders-3")?.launched == true
        }
        #expect(marked.count { $0 } == 2 && marked.suffix(2) == [true, true])
    }

    @Test func `rule 17: a lost answer to remove is not followed by a second request`()
        async throws
    {
        let desk = try Desk()
        desk.members.loseAnswers(to: "remove")
        let id = desk.id(2)
        let error = await desk.fails(.remove(id: id))
        #expect(error.contains("nobody knows whether it was done"))
        #expect(try await desk.run(.remove(id: id)) == .unchanged)
        #expect(desk.members.asked == ["remove \(id)"])
    }

    @Test func `a member that somebody else removed meanwhile is removed`() async throws {
        let desk = try Desk()
        desk.members.change { $0.failures["remove"] = MemberError(.notFound, "member not found") }
        #expect(try await desk.run(.remove(id: desk.id(2))) == .unchanged)
        // Nor is one asked for that the list does not have.
        #expect(try await desk.run(.remove(id: "f7")) == .unchanged)
        #expect(desk.members.asked.count == 1)
    }

    @Test func `that a member is off the list is on disk when the step is done`() async throws {
        let desk = try Desk()
        let departure = Departure(.scaledDown, "", at: Timestamp(seconds: 0))
        try await desk.run(.retire(member: "orders-2", departure))
        try await desk.run(.remove(id: desk.id(2)))
        #expect(try desk.directory.record()?.member("orders-2")?.departure?.unlistedAt != nil)
        // And also when another had removed it, or the answer to that was lost.
        let other = try Desk()
        try await other.run(.retire(member: "orders-2", departure))
        other.members.loseAnswers(to: "remove")
        _ = await other.fails(.remove(id: other.id(2)))
        #expect(try other.directory.record()?.member("orders-2")?.departure?.unlistedAt == nil)
        try await other.run(.remove(id: other.id(2)))
        #expect(try other.directory.record()?.member("orders-2")?.departure?.unlistedAt != nil)
    }

    @Test func `a voter's files go when those that stay have written down that it left`()
        async throws
    {
        let desk = try Desk()
        let trash = Step.trash(member: "orders-2")
        #expect(await desk.fails(trash).contains("listed otherwise"))
        try await desk.run(.remove(id: desk.id(2)))
        desk.members.loseAnswers(to: "settle")
        #expect(await desk.fails(trash).contains("nobody knows"))
        desk.members.change { $0.failures["settle"] = MemberError(.notYet, "no leader") }
        guard case .notYet = try await desk.run(trash) else {
            Issue.record("it did not wait")
            return
        }
        #expect(try desk.directory.record()?.member("orders-2") != nil)
        desk.members.change { $0.failures = [:] }
        // Where its disk is gone it is not: nothing is forgotten.
        #expect(await desk.fails(trash).contains("is its disk mounted?"))
        #expect(try desk.directory.record()?.member("orders-2") != nil)
        try desk.directory.writeSentinel(desk.known.uid)
        for name in desk.known.members.map(\.name) {
            _ = try desk.directory.member(name).stamp(desk.known)
        }
        #expect(try await desk.run(trash) == .done)
        #expect(try desk.directory.record()?.member("orders-2") == nil)
        #expect(desk.members.asked.suffix(1) == ["settle \(desk.url(0))"])
    }

    @Test func `rule 13: who stays is counted on the list as it is now`() async throws {
        let desk = try Desk()
        let seen = desk.seen(without: 1)
        // Removing the third leaves one of two that serve; the plan of three was another.
        let error = await desk.fails(.remove(id: desk.id(2)), seen)
        #expect(error.contains("no quorum by now"))
        #expect(desk.members.asked.isEmpty)
        // One that has no vote by now is not missed.
        desk.members.change { $0.list.entries[2].isLearner = true }
        let two = desk.seen()
        guard case .changed = try await desk.run(.remove(id: desk.id(2)), two) else {
            Issue.record("it was not removed")
            return
        }
    }

    // MARK: Promoting

    @Test func `rule 17: a lost answer to promote is not followed by a second request`()
        async throws
    {
        let desk = try Desk(joining: "f3")
        desk.members.loseAnswers(to: "promote")
        let error = await desk.fails(.promote(member: "orders-3"))
        #expect(error.contains("nobody knows whether it was done"))
        #expect(try await desk.run(.promote(member: "orders-3")) == .unchanged)
        #expect(desk.members.asked == ["promote f3"])
        #expect(plan(desk.seen()).steps.contains(.admit(member: "orders-3")) == false)
        var running = desk.seen()
        running.members[3].process = .running(processID: 9, since: .zero)
        running.members[3].directory = .intact
        #expect(plan(running).steps == [.admit(member: "orders-3")])
    }

    @Test func `a vote counts when a quorum has written down that it was given`() async throws {
        let desk = try Desk(joining: "f3")
        let admit = Step.admit(member: "orders-3")
        #expect(await desk.fails(admit).contains("listed otherwise"))
        try await desk.run(.promote(member: "orders-3"))
        desk.members.loseAnswers(to: "settle")
        #expect(await desk.fails(admit).contains("nobody knows"))
        #expect(try desk.directory.record()?.member("orders-3")?.isVoter == false)
        desk.members.change { $0.failures = [:] }
        #expect(try await desk.run(admit) == .found(.admitted))
        #expect(try desk.directory.record()?.member("orders-3")?.isVoter == true)
    }

    @Test func `one that is not listed any more gets no vote`() async throws {
        let desk = try Desk(joining: "f3")
        desk.members.change { $0.list.entries.removeLast() }
        let error = await desk.fails(.promote(member: "orders-3"))
        #expect(error.contains("not listed any more") && desk.members.asked.isEmpty)
    }

    // MARK: Whose cluster it is

    @Test func `rule 13: nothing is asked of a cluster that is another one by now`() async throws {
        let desk = try Desk(joining: .some(nil))
        let foreign = MemberList(clusterID: "bad", entries: desk.members.list.entries)
        desk.members.change { state in
            for index in 0..<3 { state.lists[desk.url(index)] = foreign }
        }
        let steps: [Step] = [
            .addLearner(member: "orders-3"), .remove(id: desk.id(2)), .moveLeader(to: "orders-1"),
            .promote(member: "orders-3"), .compact, .defragment(member: "orders-1"),
            .disarm([Alarm(.noSpace, memberID: "0")]),
        ]
        for step in steps {
            let error = await desk.fails(step)
            #expect(error.contains("answers for cluster bad"), "\(step)")
        }
        #expect(desk.members.asked.isEmpty)
        // Where one of them is itself, that one is asked.
        desk.members.change { $0.lists[desk.url(2)] = $0.list }
        guard case .changed = try await desk.run(.addLearner(member: "orders-3")) else {
            Issue.record("it was not added")
            return
        }
    }

    @Test func `while nobody can be asked a step waits`() async throws {
        let desk = try Desk(joining: "f3")
        desk.members.change { state in
            for index in 0..<3 { state.lists[desk.url(index)] = .some(nil) }
        }
        let steps: [Step] = [
            .promote(member: "orders-3"), .remove(id: desk.id(2)),
            // The first start of one that joins is no failure of it either.
            .start(member: "orders-3", as: .existing),
        ]
        for step in steps {
            guard case .notYet = try await desk.run(step) else {
                Issue.record("\(step) did not wait")
                return
            }
        }
        #expect(desk.known.member("orders-3")?.launched == false)
    }

    // MARK: Leaders

    @Test func `leadership moves from who has it to one with a vote`() async throws {
        let desk = try Desk()
        let outcome = try await desk.run(.moveLeader(to: "orders-2"))
        #expect(outcome == .changed(from: "orders-0 leads", to: "orders-2 leads"))
        #expect(desk.members.asked == ["move \(desk.url(0)) \(desk.id(2))"])
        desk.members.change { $0.list.entries[2].isLearner = true }
        let error = await desk.fails(.moveLeader(to: "orders-2"))
        #expect(error.contains("orders-2 has no vote"))
        desk.members.change { $0.list.entries[2].isLearner = false }
        var leaderless = desk.seen()
        for index in 0..<3 { leaderless.members[index].probe.leaderID = nil }
        let waiting = try await desk.run(.moveLeader(to: "orders-2"), leaderless)
        #expect(waiting == .notYet("nobody is seen to lead"))
        #expect(desk.members.asked.count == 1)
    }

    // MARK: Data

    @Test func `hashes are asked for at the newest revision that all have`() async throws {
        let desk = try Desk()
        desk.members.change { state in
            for index in 0..<2 {
                state.hashes[desk.url(index)] = .init(hash: 7, compactRevision: 1)
            }
        }
        var seen = desk.seen()
        seen.members[1].probe.revision = 4
        guard case .found(.compared(let comparison)) = try await desk.run(.compareHashes, seen)
        else {
            Issue.record("nothing was compared")
            return
        }
        #expect(comparison.revision == 4 && desk.members.asked.count == 3)
        // Who gives no answer has no voice, and does not end the comparison.
        #expect(comparison.answers.keys.sorted() == ["orders-0", "orders-1"])
        #expect(comparison.verdict(voters: ["orders-0", "orders-1", "orders-2"]) == .unknown)
    }

    @Test func `history is dropped up to a revision of this cluster`() async throws {
        let desk = try Desk()
        var seen = desk.seen()
        // Somebody else listens on a member's port.
        seen.members[2].probe.clusterID = "bad"
        seen.members[2].probe.revision = 1_000_000
        #expect(try await desk.run(.compact, seen) == .found(.compacted))
        #expect(desk.members.asked == ["compact 5"])
    }
}
