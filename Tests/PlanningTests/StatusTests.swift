import ClusterAPI
import Planning
import Testing

@Suite struct StatusTests {
    @Test func `a healthy cluster is ready, available and not degraded`() {
        let seen = Orders.healthy()
        let status = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        #expect(status.phase == "Running")
        #expect(status.condition(.ready)?.status == .true)
        #expect(status.condition(.available)?.status == .true)
        #expect(status.condition(.degraded)?.status == .false)
        #expect(status.condition(.progressing)?.status == .false)
        #expect(status.leader == "orders-0")
        #expect(status.members.map(\.role) == [.leader, .follower, .follower])
        #expect(status.readyReplicas == 3)
        #expect(
            status.endpoints == [
                "http://127.0.0.1:23790", "http://127.0.0.1:23792", "http://127.0.0.1:23794",
            ]
        )
    }

    @Test func `one member down is degraded and available, two are neither ready nor available`() {
        let one = Orders.healthy().ended(0)
        let first = status(of: one, plan: plan(one), failure: nil, previous: nil)
        #expect(first.condition(.available)?.status == .true)
        #expect(first.condition(.degraded)?.reason == "MembersNotServing")
        let two = one.ended(1)
        let second = status(of: two, plan: plan(two), failure: nil, previous: nil)
        #expect(second.condition(.available)?.status == .false)
        #expect(second.condition(.quorumHealthy)?.status == .false)
    }

    @Test func `conditions keep the time since which they hold`() {
        let seen = Orders.healthy()
        let first = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        var later = seen
        later.now.wall = Timestamp(seconds: seen.now.wall.seconds + 60)
        let second = status(of: later, plan: plan(later), failure: nil, previous: first)
        #expect(second.condition(.ready)?.lastTransitionTime == seen.now.wall)
        #expect(second.members.map(\.since) == first.members.map(\.since))
        let broken = later.ended(2)
        let third = status(of: broken, plan: plan(broken), failure: nil, previous: second)
        #expect(third.condition(.ready)?.lastTransitionTime == later.now.wall)
        #expect(third.members[2].health == .stopped)
        #expect(third.members[2].since == later.now.wall)
    }

    @Test func `a failed step shows in the conditions`() {
        let seen = Orders.healthy().ended(0)
        let status = status(of: seen, plan: plan(seen), failure: "no such program", previous: nil)
        #expect(status.condition(.degraded)?.reason == "StepFailed")
        #expect(status.plan?.reason == "no such program")
    }

    @Test func `a vanished spec with Delete says what will follow`() {
        var seen = Orders.healthy()
        seen.spec.deletionPolicy = .delete
        seen.missing = SpecMissing(lasting: .zero, sourceReadable: true, vanishedTogether: 1)
        let due = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        #expect(due.condition(.specMissing)?.message.contains("ten minutes") == true)
        seen.missing?.sourceReadable = false
        let held = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        #expect(held.condition(.specMissing)?.message.contains("members run on") == true)
    }

    @Test func `a spec of which nobody can tell is told as that`() {
        var seen = Orders.healthy()
        seen.outOfReach = "/specs: it is not there"
        let status = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        #expect(status.condition(.specMissing)?.status == .unknown)
        #expect(status.condition(.specMissing)?.reason == "OutOfReach")
        #expect(status.condition(.specMissing)?.message.contains("/specs: it is not there") == true)
        #expect(status.condition(.ready)?.status == .true)
    }

    @Test func `a vanished spec is told`() {
        var seen = Orders.healthy()
        seen.missing = SpecMissing(lasting: .zero, sourceReadable: true, vanishedTogether: 1)
        let status = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
        #expect(status.condition(.specMissing)?.status == .true)
        #expect(status.condition(.ready)?.status == .true)
    }
}
