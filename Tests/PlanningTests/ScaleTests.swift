import ClusterAPI
import Planning
import Testing

/// What is said while members come and go.
@Suite struct ScaleTests {
    private func judge(_ seen: Observation) -> ClusterStatus {
        status(of: seen, plan: plan(seen), failure: nil, previous: nil)
    }

    /// The phase, and why the cluster is not ready.
    private func words(_ seen: Observation) -> [String?] {
        let status = judge(seen)
        #expect(status.condition(.progressing)?.reason == status.phase)
        return [status.phase, status.condition(.ready)?.reason]
    }

    @Test func `growing says so until all vote`() {
        var seen = Orders.healthy()
        seen.spec.replicas = 5
        #expect(words(seen) == ["Scaling", "Scaling"])
        let message = judge(seen).condition(.ready)?.message
        #expect(message == "spec.replicas is 5, and there are 3")
        #expect(judge(seen).condition(.degraded)?.status == .false)
        var joining = Orders.voters(3, learner: true)
        joining.spec.replicas = 4
        #expect(words(joining) == ["Scaling", "Scaling"])
        let joins = judge(joining).condition(.ready)?.message
        #expect(joins == "spec.replicas is 4, and orders-3 joins")
        var done = Orders.voters(4)
        done.spec.replicas = 4
        #expect(words(done) == ["Running", "AsSpecified"])
    }

    @Test func `shrinking says so until the last file is out of the way`() {
        var seen = Orders.voters(5)
        seen.spec.replicas = 4
        #expect(words(seen) == ["Scaling", "Scaling"])
        seen = seen.with { record in
            record.update("orders-4") {
                $0.departure = Departure(.scaledDown, "", at: Orders.now.wall)
            }
        }
        #expect(words(seen) == ["Scaling", "Scaling"])
        seen.memberList?.entries.removeLast()
        seen = seen.ended(4, .stopped)
        #expect(plan(seen).steps == [.trash(member: "orders-4")])
        #expect(words(seen) == ["Scaling", "Scaling"])
    }

    @Test func `a replacement is no scaling`() {
        var seen = Orders.healthy().lost(1)
        #expect(judge(seen).phase == "Recovering")
        seen = seen.with { record in
            record.update("orders-1") {
                $0.departure = Departure(.dataLost, "", at: Orders.now.wall)
            }
        }
        #expect(words(seen) == ["Recovering", "Replacing"])
        seen.memberList?.entries.remove(at: 1)
        seen = seen.with { $0.forget("orders-1") }
        seen.members.remove(at: 1)
        #expect(plan(seen).steps == [.enlist])
        #expect(words(seen) == ["Recovering", "Replacing"])
        seen = seen.with { $0.enlist(in: Orders.slot(1, block: 3_998)) }
        seen.members.append(MemberObservation(name: "orders-3", directory: .gone))
        #expect(plan(seen).steps == [.addLearner(member: "orders-3")])
        #expect(words(seen) == ["Recovering", "Replacing"])
        // The learner makes no progress: the next one has come for the same reason.
        seen = seen.with { record in
            record.update("orders-3") {
                $0.departure = Departure(.fellBehind, "", at: Orders.now.wall)
            }
            record.forget("orders-3")
        }
        seen.members.removeLast()
        #expect(words(seen) == ["Recovering", "Replacing"])
        // And whoever comes after the place was taken makes the cluster larger.
        seen = seen.with { record in
            record.enlist(in: Orders.slot(1, block: 3_998))
            record.update("orders-4") { member in
                member.id = "f4"
                member.isVoter = true
                member.launched = true
                member.hasLog = true
            }
        }
        seen = Orders.cluster(seen.known)
        #expect(words(seen) == ["Running", "AsSpecified"])
        seen.spec.replicas = 4
        #expect(words(seen) == ["Scaling", "Scaling"])
    }

    @Test func `scaling that something holds up is told by what is wrong`() {
        var seen = Orders.voters(5).hanging(0, for: .seconds(99)).hanging(1, for: .seconds(99))
            .hanging(2, for: .seconds(99))
        seen.spec.replicas = 3
        let status = judge(seen)
        #expect(status.phase != "Scaling" && status.condition(.ready)?.reason != "Scaling")
    }
}
