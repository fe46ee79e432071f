import ClusterAPI
import Planning
import Testing

/// Leaders that change, slow disks, full disks.
@Suite struct LeadTests {
    private let now = Orders.now.monotonic

    private func losses(_ members: Int...) -> [LeaderLoss] {
        members.map { LeaderLoss(member: "orders-\($0)", at: now - .seconds(10)) }
    }

    @Test func `rule 17: a leader that keeps losing its office gives it up, with a cool-down`() {
        var seen = Orders.healthy().with(2) { $0.probe.appliedIndex = 9 }
        seen.leaderLosses = losses(0, 1)
        #expect(plan(seen).steps.isEmpty && plan(seen).notes.isEmpty)
        seen.leaderLosses = losses(0, 1, 0)
        #expect(plan(seen).steps == [.moveLeader(to: "orders-2")])
        #expect(plan(seen).notes.map(\.reason) == ["LeaderUnstable"])
        seen.leaderMovedAt = now - .seconds(599)
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason) == ["LeaderUnstable"])
        seen.leaderMovedAt = now - .seconds(600)
        #expect(plan(seen).steps == [.moveLeader(to: "orders-2")])
    }

    @Test func `rule 17: where nobody is better off the leader stays`() {
        var seen = Orders.healthy()
        // All lose it alike: that is the network, or the machine.
        seen.leaderLosses = losses(0, 1, 2, 0, 1, 2)
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason) == ["LeaderUnstable"])
        // The leader has lost it once, and that may be chance.
        seen.leaderLosses = losses(0, 1, 1, 1)
        #expect(plan(seen).steps.isEmpty)
        // Who has lost it least is the heir, whatever he has applied.
        seen = seen.with(1) { $0.probe.appliedIndex = 9 }
        seen.leaderLosses = losses(0, 1, 0)
        #expect(plan(seen).steps == [.moveLeader(to: "orders-2")])
    }

    @Test func `rule 17: a slow disk loses the leadership, and its member is not replaced`() {
        var seen = Orders.healthy().with(0) { $0.slowSyncs = 2 }
        #expect(plan(seen).steps.isEmpty && plan(seen).notes.isEmpty)
        seen = seen.with(0) { $0.slowSyncs = 3 }.with(1) { $0.probe.appliedIndex = 5 }
        #expect(plan(seen).steps == [.moveLeader(to: "orders-1")])
        #expect(plan(seen).notes.map(\.reason) == ["SlowDisk"])
        // Not to another slow one.
        seen = seen.with(1) { $0.slowSyncs = 7 }
        #expect(plan(seen).steps == [.moveLeader(to: "orders-2")])
        seen = seen.with(2) { $0.slowSyncs = 7 }
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason) == ["SlowDisk", "SlowDisk", "SlowDisk"])
        // Nor as long as it lasts.
        seen.leaderMovedAt = now
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `rule 17: a slow follower is only told of`() {
        let seen = Orders.healthy().with(1) { $0.slowSyncs = 9 }
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.member) == ["orders-1"])
        let status = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        #expect(status.condition(.degraded)?.reason == "SlowDisk")
        #expect(status.condition(.available)?.status == .true)
    }

    @Test func `rule 17: a leader with others that do not serve stays where it is`() {
        let seen = Orders.healthy().with(0) { $0.slowSyncs = 9 }
            .hanging(1, for: .seconds(5)).hanging(2, for: .seconds(5))
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `a leader that leaves hands over to one whose disk is fast`() {
        let seen = Orders.healthy().with { record in
            record.update("orders-0") { member in
                member.departure = Departure(.dataDiffers, "", at: Orders.now.wall)
            }
        }.with(2) { $0.probe.appliedIndex = 9 }.with(2) { $0.slowSyncs = 3 }
        #expect(plan(seen).steps == [.moveLeader(to: "orders-1")])
    }

    // MARK: Room

    private func mebibytes(_ count: Int64) -> Int64 { count << 20 }

    private func short(_ seen: Observation, free: Int64 = 255) -> Observation {
        var seen = seen
        seen.space = DiskSpace(free: mebibytes(free))
        return seen
    }

    @Test func `rule 9: nothing that copies data is begun on a disk without room for it`() {
        // A replacement.
        var lost = Orders.healthy().lost(1)
        for index in [0, 2] {
            lost = lost.with(index) { $0.probe.dbSize = mebibytes(100) }
        }
        #expect(plan(short(lost, free: 356)).steps.count == 1)
        let held = plan(short(lost, free: 355))
        #expect(held.steps.isEmpty && held.notes.last?.reason == "DiskPressure")
        // One more member.
        var few = Orders.healthy()
        few.spec.replicas = 5
        #expect(plan(short(few, free: 256)).steps == [.enlist])
        #expect(plan(short(few)).steps.isEmpty)
        #expect(plan(short(few)).notes.map(\.reason).contains("DiskPressure"))
        // Fewer need no room.
        few.spec.replicas = 1
        #expect(plan(short(few)).steps.count == 1)
        // A database that is written anew.
        var due = Orders.healthy()
        due.defragmentDue = ["orders-1"]
        #expect(plan(short(due, free: 256)).steps == [.defragment(member: "orders-1")])
        #expect(plan(short(due)).steps.isEmpty)
        var full = Orders.healthy()
        full.alarms = [Alarm(.noSpace, memberID: full.known.members[1].id ?? "")]
        // History takes no room to drop.
        #expect(plan(short(full)).steps == [.compact])
        full.spaceWork.compaction = .init(revision: 5, at: full.now.monotonic)
        #expect(plan(short(full)).steps.isEmpty)
        // A comparison copies nothing.
        var old = Orders.healthy()
        old.comparedAt = .zero
        #expect(plan(short(old)).steps == [.compareHashes])
    }

    @Test func `rule 9: members of a full disk are started all the same`() {
        #expect(
            plan(short(Orders.healthy().ended(1), free: 0)).steps
                == [.start(member: "orders-1", as: .existing)]
        )
    }

    @Test(arguments: [ExitCause.noSpace("x"), .diskFailure("x")])
    func `rule 9: a member that a full disk has ended waits for space`(cause: ExitCause) {
        let ended = Orders.healthy().ended(1, cause)
        let held = plan(short(ended, free: 31))
        #expect(held.steps.isEmpty && held.blockedBy == "NoSpace")
        #expect(held.notes.last?.message.contains("when 32Mi are free") == true)
        #expect(plan(short(ended, free: 32)).steps == [.start(member: "orders-1", as: .existing)])
        // The others go on; and it is not replaced for that.
        var old = ended.with(1) { $0.unservedSince = .zero }
        old.now.monotonic += .seconds(9000)
        #expect(plan(short(old, free: 31)).steps == [])
        // All of them: nothing to do but to wait.
        let all = plan(short(ended.ended(0, cause).ended(2, cause), free: 0))
        #expect(all.steps.isEmpty && all.blockedBy == "NoSpace")
    }

    @Test func `rule 9: a disk that is filling up is told of once`() {
        let first = plan(short(Orders.healthy(), free: 200)).notes
        let second = plan(short(Orders.healthy(), free: 100)).notes
        #expect(first.map(\.reason) == ["DiskPressure"] && first[0].isAbout(second[0]))
        #expect(plan(short(Orders.healthy(), free: 256)).notes.isEmpty)
    }

    private func withTrash(
        _ cause: Departure.Cause = .scaledDown,
        _ hashes: [UInt32] = [7, 7, 7]
    ) -> Observation {
        var seen = short(Orders.healthy()).with { record in
            record.enlist(in: Orders.slot(9, block: 3_982))
            record.update("orders-3") { member in
                member.departure = Departure(cause, "", at: Orders.now.wall)
            }
            record.forget("orders-3")
        }
        seen.space?.trash = [
            .init(path: "/s/trash/1-orders-3", bytes: mebibytes(3), member: "orders-3"),
            .init(path: "/s/trash/2-orders-9", bytes: mebibytes(1), member: "orders-9"),
        ]
        var answers: [String: HashComparison.Answer] = [:]
        for (index, hash) in hashes.enumerated() {
            answers["orders-\(index)"] = .init(hash: hash, compactRevision: 1)
        }
        seen.comparisons = [
            HashComparison(at: now - .seconds(30), revision: 5, answers: answers)
        ]
        return seen
    }

    private func advice(_ seen: Observation) -> String {
        plan(seen).notes.first { $0.reason == "DiskPressure" }?.message ?? ""
    }

    @Test func `rule 9: only what left a whole and equal cluster is named as removable`() {
        let message = advice(withTrash())
        // What a recovery has put aside, or somebody else, is not.
        #expect(message.contains("`rm -r /s/trash/1-orders-3` frees 3Mi"))
        func stays(_ seen: Observation) -> Bool {
            advice(seen).contains("holds 4Mi, which should stay") && !advice(seen).contains("rm")
        }
        #expect(stays(withTrash(.dataDiffers)))
        #expect(stays(withTrash(.dataDamaged)))
        #expect(stays(withTrash(.scaledDown, [7, 7])))
        #expect(stays(withTrash().hanging(1, for: .seconds(5))))
        #expect(stays(withTrash().with { $0.incarnation = 2 }))
        var old = withTrash()
        old.comparisons[0].at = .zero - .seconds(3600)
        #expect(stays(old))
        var none = withTrash()
        none.comparisons = []
        #expect(stays(none))
    }
}
