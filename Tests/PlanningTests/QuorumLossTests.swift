import ClusterAPI
import Planning
import Testing

/// The data of a majority is lost: when a cluster is built anew from its survivor, and when not.
@Suite struct QuorumLossTests {
    @Test func `rule 5: lost data of a majority is told, an unreadable place is not lost data`() {
        var seen = Orders.healthy().lost(1).lost(2, .damaged("crc mismatch"))
        seen.quorumLostSince = seen.now.monotonic - .seconds(119)
        #expect(plan(seen).waitingFor == "the lost data to come back, for another 1 s")
        seen.quorumLostSince = seen.now.monotonic - .seconds(120)
        #expect(plan(seen).steps == [.beginRecovery])
        #expect(plan(seen.with(2) { $0.directory = .unknown("EIO") }).steps.isEmpty)
        let unknown = Orders.voters(5).lost(0).lost(1).lost(2).ended(3)
            .with(3) { $0.directory = .unknown("not mounted") }
        #expect(plan(unknown).blockedBy == "QuorumUnknown")
    }

    @Test func `rule 5: the policy says who decides that a cluster is built anew`() {
        var seen = Orders.healthy().lost(1).lost(2)
        seen.quorumLostSince = .zero
        seen.spec.healing.quorumLoss.policy = .never
        #expect(plan(seen).steps.isEmpty && plan(seen).blockedBy == "QuorumLost")
        seen.spec.healing.quorumLoss.policy = .manual
        #expect(plan(seen).steps.isEmpty && plan(seen).reason.contains("recover-cluster"))
        func consenting(to id: String) -> Observation {
            seen.with { $0.accepted.metadata.annotations["etcd-operator.dev/recover-cluster"] = id }
        }
        // The consent is to the loss of one cluster, not of the one that follows it.
        #expect(plan(consenting(to: "f00")).steps.isEmpty)
        #expect(plan(consenting(to: seen.known.clusterID)).steps == [.beginRecovery])
    }

    @Test func `rule 5: who has lost its data and may vote counts, where those that vote wait`() {
        let two = Orders.voters(2).with { $0.update("orders-1") { $0.isVoter = false } }
        func waiting(for duration: Duration) -> Observation {
            var seen = two.hanging(0, for: duration)
                .with(0) { $0.probe = Probe(.noLeader) }
                .lost(1, .damaged("crc mismatch"))
            seen.memberList = nil
            seen.quorumLostSince = .zero
            return seen
        }
        // One that votes alone would lead: another has got a vote, and the record is behind.
        #expect(plan(waiting(for: .seconds(600))).steps == [.beginRecovery])
        #expect(plan(waiting(for: .seconds(5))).steps.isEmpty)
        let stopped = waiting(for: .seconds(600)).ended(0)
        #expect(plan(stopped).steps == [.start(member: "orders-0", as: .existing)])
        let back = waiting(for: .seconds(600)).with(1) { $0.directory = .intact }
        #expect(plan(back).steps == [.start(member: "orders-1", as: .existing)])
        #expect(plan(two.lost(1, .damaged("crc mismatch"))).steps.contains(.beginRecovery) == false)
    }

    @Test
    func `rule 4: a recovery stops everything, salvages, builds, retires, and goes on from there`()
    {
        var seen = Orders.healthy().lost(1).lost(2).with { record in
            record.recovery = Recovery(why: "it is lost", at: Orders.now.wall)
        }
        #expect(plan(seen).steps == [.stop(members: ["orders-0"])])
        seen = seen.ended(0, .stopped)
        #expect(plan(seen).steps == [.chooseSurvivor])
        // Whoever cannot be read may be the one that knows most.
        func unsure(_ state: DirectoryState) -> Plan {
            plan(
                Orders.voters(5).lost(0).lost(1).lost(2).ended(3).ended(4)
                    .with(3) { $0.directory = state }
                    .with { $0.recovery = seen.known.recovery }
            )
        }
        for state in [DirectoryState.unknown("EIO"), .foreign("orders-9's")] {
            #expect(unsure(state).steps.isEmpty && unsure(state).blockedBy == "QuorumUnknown")
        }
        // What only stands in the wrong place is put back first.
        #expect(
            unsure(.misplaced(owner: "orders-1")).steps
                == [.putBack(member: "orders-1", from: "orders-3")]
        )
        #expect(unsure(.aside).steps == [.putBack(member: "orders-3", from: ".orders-3")])
        let back = seen.with(2) { $0.directory = .intact }
        #expect(plan(back).steps == [.cancelRecovery])
        for (phase, step) in [
            (Recovery.Phase.salvaging, Step.salvage), (.building, .buildSeed),
            (.retiring, .retireOld),
        ] {
            #expect(plan(seen.with { $0.recovery?.phase = phase }).steps == [step])
            // Until the new cluster takes the place of the old it is not too late to go back.
            let steps = plan(back.with { $0.recovery?.phase = phase }).steps
            #expect(steps == [phase == .retiring ? step : .cancelRecovery])
        }
    }

    @Test func `rule 12: nothing is salvaged from data that somebody uses`() {
        let seen = Orders.healthy().lost(1).lost(2).ended(0).with { record in
            record.recovery = Recovery(why: "it is lost", at: Orders.now.wall)
        }.with(0) { $0.process = .foreign("process 99") }
        #expect(plan(seen).steps.isEmpty && plan(seen).blockedBy == "ForeignProcess")
    }

    @Test func `nothing is seeded when everything is lost`() {
        let seen = Orders.healthy().lost(0).lost(1).lost(2)
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).blockedBy == "EverythingLost")
    }

    @Test func `rule 3: no cluster is built anew of which a quorum serves`() {
        // Of four, one was removed by hand and its data; then another loses its own.
        var seen = Orders.voters(4).lost(3).lost(0)
        seen.memberList?.entries.removeLast()
        seen.quorumLostSince = .zero
        let steps = plan(seen).steps
        #expect(steps.allSatisfy { $0 != .beginRecovery }, "\(steps)")
        #expect(!plan(seen).notes.contains { $0.reason == "QuorumLost" })
    }

    @Test func `rule 3: who has left does not count among those that are left`() {
        // Removed, stopped, its files still there; then one of the two others loses its data.
        var seen = Orders.healthy().ended(2, .stopped).lost(1).with { record in
            record.update("orders-2") { member in
                member.departure = Departure(
                    .scaledDown,
                    "",
                    at: Orders.now.wall,
                    unlistedAt: Orders.now.wall
                )
            }
        }
        seen.memberList = nil
        seen.quorumLostSince = .zero
        #expect(plan(seen).steps == [.beginRecovery])
        // Before it was off the list it did count.
        seen = seen.with { $0.update("orders-2") { $0.departure?.unlistedAt = nil } }
        #expect(plan(seen).steps != [.beginRecovery])
    }
}
