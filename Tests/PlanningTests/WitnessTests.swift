import Planning
import Testing

/// Whose word counts for who is a member and who votes.
@Suite struct WitnessTests {
    private func witnesses(_ seen: Observation, toVoteOf name: String? = nil) -> [String] {
        let record = seen.known
        let member = name.flatMap(record.member)
        let found =
            member.map { seen.witnesses(record, toVoteOf: $0) } ?? seen.witnesses(record)
        return found.map(\.name)
    }

    private func led(by leader: Int, _ seen: Observation) -> Observation {
        seen.members.indices.reduce(seen) { seen, index in
            seen.with(index) { $0.probe.leaderID = seen.known.members[leader].id }
        }
    }

    @Test func `the leader is asked first, a learner never, whoever does not serve neither`() {
        #expect(witnesses(Orders.healthy()) == ["orders-0", "orders-1", "orders-2"])
        #expect(witnesses(led(by: 2, Orders.healthy())) == ["orders-2", "orders-0", "orders-1"])
        #expect(
            witnesses(Orders.voters(3, learner: true)) == ["orders-0", "orders-1", "orders-2"]
        )
        let down = Orders.healthy().with(1) { $0.probe = Probe(.noLeader) }
        #expect(witnesses(down) == ["orders-0", "orders-2"])
        let stranger = Orders.healthy().with(1) { $0.probe.clusterID = "another" }
        #expect(witnesses(stranger) == ["orders-0", "orders-2"])
        // Recorded as a voter, and it does not know that yet.
        let behind = Orders.healthy().with(1) { $0.probe.isLearner = true }
        #expect(witnesses(behind) == ["orders-0", "orders-2"])
    }

    @Test func `whoever leads votes, whatever an old record says`() {
        let old = led(by: 2, Orders.healthy()).with { $0.update("orders-2") { $0.isVoter = false } }
        #expect(witnesses(old) == ["orders-2", "orders-0", "orders-1"])
        // It says of itself that it votes, and does not lead: it may have learned that too early.
        let follows = Orders.healthy().with { $0.update("orders-2") { $0.isVoter = false } }
        #expect(witnesses(follows) == ["orders-0", "orders-1"])
    }

    @Test func `of its own vote a member is not believed while another is known to vote`() {
        #expect(witnesses(Orders.healthy(), toVoteOf: "orders-0") == ["orders-1", "orders-2"])
        // The others' votes are all that an old record knows, and they are down.
        var alone = led(by: 2, Orders.healthy()).with {
            $0.update("orders-2") { $0.isVoter = false }
        }
        for index in 0..<2 { alone = alone.with(index) { $0.probe = Probe(.exited) } }
        #expect(witnesses(alone, toVoteOf: "orders-2") == ["orders-2"])
        // A member that serves and is behind is a voter all the same; it has to catch up first.
        let behind = led(by: 2, Orders.healthy()).with {
            $0.update("orders-2") { $0.isVoter = false }
        }
        .with(0) { $0.probe.isLearner = true }
        .with(1) { $0.probe = Probe(.exited) }
        #expect(witnesses(behind, toVoteOf: "orders-2").isEmpty)
        // Without an office its own word is worth nothing.
        let follows = alone.with(2) { $0.probe.leaderID = alone.known.members[0].id }
        #expect(witnesses(follows, toVoteOf: "orders-2").isEmpty)
    }
}
