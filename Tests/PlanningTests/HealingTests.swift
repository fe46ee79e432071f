import ClusterAPI
import Planning
import Testing

/// What happens when ... (the failure table), and what must not.
@Suite struct HealingTests {
    private let t = Orders.now.wall

    @Test func `a wiped member is given up, removed, put aside and followed by another`() {
        // Every line is the plan of what the line before has led to.
        var seen = Orders.healthy().lost(1)
        #expect(plan(seen).steps == [.retire(member: "orders-1", cause(seen, 1))])
        seen = seen.with { $0.update("orders-1") { $0.departure = cause(seen, 1) } }
        let id = seen.known.members[1].id ?? ""
        #expect(plan(seen).steps == [.remove(id: id)])
        seen.memberList?.entries.remove(at: 1)
        #expect(plan(seen).steps == [.trash(member: "orders-1")])
        seen = seen.with { $0.forget("orders-1") }
        seen.members.remove(at: 1)
        #expect(plan(seen).steps == [.enlist])
        seen = seen.with { $0.enlist(in: Orders.slot(1, block: 3_998)) }
        seen.members.append(MemberObservation(name: "orders-3", directory: .gone))
        #expect(plan(seen).steps == [.addLearner(member: "orders-3")])
        // The answer got lost: the cluster lists it and the record does not know its id.
        let url = "http://127.0.0.1:4001"
        seen.memberList?.entries.append(
            .init(id: "f3", name: "", isLearner: true, peerURLs: [url])
        )
        #expect(plan(seen).steps == [.adoptLearner(member: "orders-3", id: "f3")])
        seen = seen.with { $0.update("orders-3") { $0.id = "f3" } }
        #expect(plan(seen).steps == [.start(member: "orders-3", as: .existing)])
        seen = seen.with { $0.update("orders-3") { $0.launched = true } }
            .with(2) { member in
                member.directory = .intact
                member.process = .running(processID: 9, since: .seconds(999))
                member.probe = Probe(.noLeader)
            }
        #expect(plan(seen).waitingFor == "orders-3 to catch up")
        seen = seen.with(2) { member in
            member.probe = Orders.serving(seen.known, seen.known.members[2])
            member.servingSince = .seconds(980)
        }
        #expect(plan(seen).waitingFor == "orders-3 to have served for 30s")
        seen = seen.with(2) { $0.servingSince = .seconds(970) }
        #expect(plan(seen).steps == [.promote(member: "orders-3")])
        seen.memberList?.entries[2].isLearner = false
        #expect(plan(seen).steps == [.admit(member: "orders-3")])
        seen = seen.with { $0.update("orders-3") { $0.isVoter = true } }
        seen.comparedAt = .zero
        #expect(plan(seen).steps == [.compareHashes])
    }

    private func cause(_ seen: Observation, _ index: Int) -> Departure {
        let message =
            "orders-\(index): its data is gone; an empty member under its name could undo what it "
            + "promised, so it stays stopped"
        return Departure(.dataLost, message, at: t)
    }

    @Test func `rule 13: a member is not given up when that would leave no quorum`() {
        var seen = Orders.healthy().lost(1).hanging(2, for: .seconds(5))
        #expect(plan(seen).steps.isEmpty)
        // A member that serves, with wrong data, while another one does not serve.
        seen = Orders.healthy().hanging(2, for: .seconds(5))
        seen.comparisons = [comparison(5, [7, 8, 7]), comparison(1, [7, 8, 7])]
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason).contains("ReplacementHeld"))
    }

    @Test func `rule 5: one directory that cannot be read blocks every replacement`() {
        var seen = Orders.voters(5).lost(1).ended(2).with(2) { $0.directory = .unknown("EIO") }
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.map(\.reason).contains("ReplacementHeld"))
        seen = seen.with(2) { $0.directory = .intact }
        #expect(plan(seen).steps == [.start(member: "orders-2", as: .existing)])
    }

    @Test func `rule 15: one replacement an hour`() {
        var seen = Orders.healthy().lost(1).with { record in
            record.enlist(in: Orders.slot(7, block: 3_986))
            record.update("orders-3") { member in
                member.isVoter = true
                member.departure = Departure(
                    .dataLost,
                    "",
                    at: Timestamp(seconds: t.seconds - 3599)
                )
            }
            record.forget("orders-3")
        }
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.last?.reason == "ReplacementHeld")
        seen.now.wall = Timestamp(seconds: t.seconds + 1)
        #expect(plan(seen).steps.count == 1)
        // A clock that was put back by a day does not forbid it for a day.
        seen.now.wall = Timestamp(seconds: t.seconds - 86_400)
        #expect(plan(seen).steps.count == 1)
    }

    @Test(arguments: [
        ExitCause.configuration("bad flag"), .portInUse("x"), .noSpace("x"), .outOfMemory("x"),
        .diskFailure("x"), .dataLocked("x"), .binaryMissing("x"), .failed(code: 1, lastWords: "x"),
    ])
    func `rule 15: only lost or corrupt data leads to a replacement`(cause: ExitCause) {
        var seen = Orders.healthy()
        for _ in 0..<20 { seen = seen.ended(1, cause) }
        seen = seen.with(1) { $0.unservedSince = .zero }
        // When its next start is due.
        seen.now.monotonic += .seconds(30)
        #expect(plan(seen).steps == [.start(member: "orders-1", as: .existing)])
    }

    @Test func `rule 6: a listed member with the address of one that joins is reused or removed`() {
        let joining = Orders.joining()
        var seen = joining
        seen.spec.replicas = 4
        let url = seen.known.members[3].slot.peerURL
        func listing(_ name: String, learner: Bool, id: String = "f9") -> Observation {
            var copy = seen
            copy.memberList?.entries.removeAll { $0.id == "f3" }
            copy.memberList?.entries.append(
                .init(id: id, name: name, isLearner: learner, peerURLs: [url])
            )
            return copy
        }
        #expect(
            plan(listing("", learner: true)).steps == [.adoptLearner(member: "orders-3", id: "f9")]
        )
        #expect(plan(listing("old", learner: true)).steps == [.remove(id: "f9")])
        #expect(plan(listing("", learner: false)).steps == [.remove(id: "f9")])
        seen = seen.with { record in
            record.enlist(in: Orders.slot(8, block: 4_984))
            record.update("orders-4") { member in
                member.id = "f9"
                member.departure = Departure(.dataLost, "", at: t)
            }
            record.forget("orders-4")
        }
        #expect(plan(listing("", learner: true)).steps == [.remove(id: "f9")])
    }

    @Test func `rule 6: a listed member that never came is removed after replaceAfter`() {
        var seen = Orders.healthy()
        seen.memberList?.entries.append(.init(id: "f9", name: "", isLearner: true))
        seen.strangers = ["f9": seen.now.monotonic - .seconds(299)]
        #expect(plan(seen).steps.isEmpty)
        seen.strangers = ["f9": seen.now.monotonic - .seconds(300)]
        #expect(plan(seen).steps == [.remove(id: "f9")])
        seen.memberList?.entries[3].name = "somebody"
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `rule 17: a learner without progress is given up and another one tried`() {
        var seen = Orders.voters(3, learner: true).with(3) { member in
            member.probe = Probe(.noLeader)
            member.servingSince = nil
            member.stalledSince = Orders.now.monotonic - .seconds(600)
        }
        seen.spec.replicas = 4
        #expect(plan(seen).steps.map(\.description) == ["give up orders-3"])
    }

    @Test func `rule 17: where nobody writes a learner that has everything makes no progress`() {
        var seen = Orders.voters(3, learner: true).with(3) { member in
            member.servingSince = Orders.now.monotonic - .seconds(5)
            member.stalledSince = Orders.now.monotonic - .seconds(9000)
            member.probe.appliedIndex = 7
        }.with(1) { $0.probe.appliedIndex = 7 }
        seen.spec.replicas = 4
        #expect(plan(seen).waitingFor == "orders-3 to have served for 30s")
        seen = seen.with(1) { $0.probe.appliedIndex = 8 }
        #expect(plan(seen).steps.map(\.description) == ["give up orders-3"])
    }

    @Test func `rule 6: a member of our own that came to be listed is no stranger`() {
        // The answer was lost, and then the cluster was paused for long.
        var seen = Orders.joining()
        seen.spec.replicas = 4
        seen.memberList?.entries[3].name = ""
        seen.strangers = ["f3": .zero]
        #expect(plan(seen).steps == [.adoptLearner(member: "orders-3", id: "f3")])
    }

    @Test func `who answers for another cluster has no say in who leads`() {
        let seen = Orders.healthy().with(0) { member in
            member.probe.clusterID = "bad"
            member.probe.leaderID = "f77"
            member.probe.revision = 1_000_000
        }
        #expect(seen.leaderID == seen.known.members[0].id)
        #expect(seen.serving.map(\.name) == ["orders-1", "orders-2"])
        let status = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        #expect(status.revision == 5 && status.readyReplicas == 2)
    }

    @Test func `rule 17: a dead voter is removed before a learner is promoted`() {
        var seen = Orders.voters(3, learner: true).lost(1)
        seen.spec.replicas = 4
        #expect(plan(seen).steps.map(\.description) == ["give up orders-1"])
    }

    @Test func `rule 18: the dead leave first, then the highest, the leader last`() {
        var seen = Orders.voters(5)
        seen.spec.replicas = 3
        #expect(plan(seen).steps.map(\.description) == ["give up orders-4"])
        let dead = seen.hanging(2, for: .seconds(3))
        #expect(plan(dead).steps.map(\.description) == ["give up orders-2"])
        var two = Orders.voters(2)
        two.spec.replicas = 1
        #expect(plan(two).steps.map(\.description) == ["give up orders-1"])
        let last = two.members.indices.reduce(two) { seen, index in
            seen.with(index) { $0.probe.leaderID = two.known.members[1].id }
        }
        #expect(plan(last).steps.map(\.description) == ["give up orders-0"])
    }

    @Test func `rule 18: nobody leaves when those who stay would be no quorum`() {
        // Four voters of which three serve: without one of those, two of three.
        var seen = Orders.voters(5).hanging(0, for: .seconds(3)).hanging(1, for: .seconds(3))
        seen.spec.replicas = 3
        #expect(plan(seen).steps.map(\.description) == ["give up orders-1"])
        seen = seen.hanging(2, for: .seconds(3))
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `a leader that leaves hands over first`() {
        let seen = Orders.healthy().with { record in
            record.update("orders-0") { $0.departure = Departure(.dataDiffers, "", at: t) }
        }.with(2) { $0.probe.appliedIndex = 9 }
        #expect(plan(seen).steps == [.moveLeader(to: "orders-2")])
    }

    @Test func `a member that shall stay after all is kept while it is still listed`() {
        let seen = Orders.healthy().with { record in
            record.update("orders-2") { $0.departure = Departure(.scaledDown, "", at: t) }
        }
        #expect(plan(seen).steps == [.recall(member: "orders-2")])
        var gone = seen
        gone.memberList?.entries.removeLast()
        #expect(plan(gone).steps == [.stop(members: ["orders-2"])])
    }

    @Test(arguments: 1...9) func `the cluster grows and shrinks to every size`(wanted: Int) {
        for count in 1...9 where count != wanted {
            var seen = Orders.voters(count)
            seen.spec.replicas = wanted
            let plan = plan(seen)
            #expect(plan.steps.count == 1, "\(count) to \(wanted)")
            #expect(plan.steps.first == .enlist || count > wanted)
            #expect(plan.notes.map(\.reason) == ["Scaling"])
        }
    }

    private func comparison(_ seconds: Int, _ hashes: [UInt32], compacted: [Int64] = [1, 1, 1])
        -> HashComparison
    {
        var answers: [String: HashComparison.Answer] = [:]
        for (index, hash) in hashes.enumerated() where hash > 0 {
            answers["orders-\(index)"] = .init(hash: hash, compactRevision: compacted[index])
        }
        return HashComparison(
            at: Orders.now.monotonic - .seconds(seconds),
            revision: 5,
            answers: answers
        )
    }

    @Test func `who is to leave stays when another fails first, and leaves after it`() {
        var seen = Orders.voters(3).with { record in
            record.update("orders-2") {
                $0.departure = Departure(.scaledDown, "", at: Orders.now.wall)
            }
        }
        seen.spec.replicas = 2
        seen.members[1].probe.leaderID = seen.known.members[0].id
        #expect(plan(seen).steps == [.remove(id: seen.known.members[2].id ?? "")])
        let lost = seen.lost(1)
        #expect(plan(lost).steps == [.recall(member: "orders-2")])
        let recalled = lost.with { $0.update("orders-2") { $0.departure = nil } }
        #expect(plan(recalled).steps.map(\.description) == ["give up orders-1"])
        // One that is only away for a moment is waited for.
        #expect(plan(seen.hanging(1, for: .seconds(1))).steps.isEmpty)
        let hanging = seen.hanging(1, for: .seconds(99), restarted: true)
        #expect(plan(hanging).steps == [.recall(member: "orders-2")])
    }

    @Test func `rule 19: the alarm alone selects no victim`() {
        var seen = Orders.healthy()
        seen.alarms = [Alarm(.corrupt, memberID: seen.known.members[1].id ?? "")]
        #expect(plan(seen).steps == [.compareHashes])
        seen.comparisons = [comparison(5, [7, 7, 7])]
        #expect(plan(seen).steps == [.compareHashes])
        seen.comparisons = [comparison(5, [7, 7, 7]), comparison(1, [7, 7, 7])]
        #expect(plan(seen).steps == [.disarm(seen.alarms)])
    }

    @Test func `rule 19: who differs from a majority of all, twice, is replaced`() {
        var seen = Orders.healthy()
        seen.comparisons = [comparison(5, [7, 8, 7])]
        #expect(plan(seen).steps == [.compareHashes])
        seen.comparisons = [comparison(5, [7, 8, 7]), comparison(1, [7, 8, 7])]
        #expect(plan(seen).steps.map(\.description) == ["give up orders-1"])
        // Another one the second time: a third is asked for.
        seen.comparisons = [comparison(5, [7, 8, 7]), comparison(1, [8, 7, 7])]
        #expect(plan(seen).steps == [.compareHashes])
    }

    @Test func `rule 19: without a majority nothing is touched`() {
        var seen = Orders.healthy()
        seen.spec.replicas = 5
        seen.comparisons = [comparison(5, [7, 8, 9]), comparison(1, [7, 8, 9])]
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).blockedBy == "DataDiverged")
    }

    @Test func `rule 19: who may decide whose data is right is healed, and nobody copied`() {
        let unheard = [comparison(5, [7, 8, 0]), comparison(1, [7, 8, 0])]
        var seen = Orders.healthy()
        seen.spec.replicas = 5
        seen.comparisons = unheard
        #expect(plan(seen).blockedBy == "DataUncompared")
        seen = Orders.healthy().ended(2)
        seen.comparisons = unheard
        #expect(plan(seen).steps == [.start(member: "orders-2", as: .existing)])
        seen = Orders.healthy().hanging(2, for: .seconds(60))
        seen.comparisons = unheard
        #expect(plan(seen).steps == [.restart(member: "orders-2")])
        // A restart did not help: it is not replaced, but restarted again.
        seen = Orders.healthy().hanging(2, for: .seconds(299), restarted: true)
        seen.comparisons = unheard
        #expect(plan(seen).steps.isEmpty)
        seen = Orders.healthy().hanging(2, for: .seconds(900), restarted: true)
        seen.comparisons = unheard
        #expect(plan(seen).steps == [.restart(member: "orders-2")])
        // Lost data decides nothing, nor would a copy of one of the others.
        seen = Orders.healthy().lost(2)
        seen.comparisons = unheard
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).blockedBy == "DataDiverged")
    }

    @Test func `rule 19: a voter that cannot be compared does not stop healing`() {
        var seen = Orders.healthy().ended(1)
        seen.alarms = [Alarm(.corrupt, memberID: "0")]
        seen.comparisons = [comparison(5, [7, 0, 7]), comparison(1, [7, 0, 7])]
        #expect(plan(seen).steps == [.start(member: "orders-1", as: .existing)])
        seen = Orders.healthy().hanging(1, for: .seconds(60))
        seen.alarms = [Alarm(.corrupt, memberID: "0")]
        seen.comparisons = [comparison(5, [7, 0, 7]), comparison(1, [7, 0, 7])]
        #expect(plan(seen).steps == [.restart(member: "orders-1")])
        #expect(plan(seen).notes.map(\.reason).contains("DataUncompared"))
    }

    @Test func `rule 19: hashes after different compactions say nothing`() {
        let voters = ["orders-0", "orders-1", "orders-2"]
        let mixed = comparison(1, [7, 8, 7], compacted: [1, 2, 1])
        #expect(mixed.verdict(voters: voters) == .unknown)
        #expect(comparison(1, [7, 0, 7]).verdict(voters: voters) == .unknown)
        #expect(comparison(1, [7, 0, 0]).verdict(voters: voters) == .unknown)
        #expect(comparison(1, [7, 8, 7]).verdict(voters: voters) == .minority(["orders-1"]))
    }

    @Test func `rule 19: two that differ are told, whatever a third says of another history`() {
        let voters = (0..<5).map { "orders-\($0)" }
        // In whatever order a dictionary has the answers.
        for hash in UInt32(1)...50 {
            let three = comparison(1, [hash, hash + 1, hash + 2], compacted: [1, 1, 2])
            #expect(three.verdict(voters: Array(voters.prefix(3))) == .undecided(["orders-2"]))
            let five = comparison(
                1,
                [hash, hash, hash + 1, hash + 2, hash + 3],
                compacted: [1, 1, 2, 2, 2]
            )
            #expect(five.verdict(voters: voters) == .undecided(["orders-0", "orders-1"]))
        }
    }

    @Test func `rule 15: not more than three members that join are given up in an hour`() {
        func seen(given count: Int) -> Observation {
            var seen = Orders.voters(3, learner: true).lost(3, .damaged("crc"))
            seen.spec.replicas = 4
            return seen.with { record in
                for number in 0..<count {
                    record.enlist(in: Orders.slot(number, block: 4000))
                    let name = "orders-\(record.nextOrdinal - 1)"
                    record.update(name) { $0.departure = Departure(.dataDamaged, "", at: t) }
                    record.forget(name)
                }
            }
        }
        #expect(plan(seen(given: 2)).steps.map(\.description) == ["give up orders-3"])
        #expect(plan(seen(given: 3)).steps.isEmpty)
        let held = plan(seen(given: 3)).notes.last { $0.reason == "ReplacementHeld" }
        #expect(held?.member == "orders-3")
    }
}
