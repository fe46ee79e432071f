/// Who has a vote, as a quorum of the cluster has confirmed it, and who of them serves.
///
/// Every refusal to make things worse is computed here, on the configuration that would result
/// (safety rules 13 and 18).
package struct Electorate: Hashable, Sendable {
    /// Ids.
    package let voters: Set<String>
    package let healthy: Set<String>

    package init(voters: Set<String>, healthy: Set<String>) {
        self.voters = voters
        self.healthy = healthy.intersection(voters)
    }

    /// Nil when no quorum has confirmed a list.
    package init?(_ seen: Observation) {
        guard case .read(let record) = seen.record, let list = seen.memberList,
            list.clusterID == record.clusterID
        else { return nil }
        let serving = seen.serving.compactMap(\.probe.memberID)
        self.init(
            voters: Set(list.entries.filter { !$0.isLearner }.map(\.id)),
            healthy: Set(serving)
        )
    }

    private static func quorum(of count: Int) -> Int { count / 2 + 1 }

    package var hasQuorum: Bool { healthy.count >= Electorate.quorum(of: voters.count) }

    package var isWhole: Bool { healthy == voters }

    /// The others go on while this one does nothing.
    package func servesWithout(_ id: String) -> Bool {
        healthy.subtracting([id]).count >= Electorate.quorum(of: voters.count)
    }

    /// It can be removed now, and those who stay are a quorum of themselves. One that has no vote
    /// is not missed.
    package func canLose(_ id: String) -> Bool {
        guard voters.contains(id) else { return hasQuorum }
        guard voters.count > 1, hasQuorum else { return false }
        return healthy.subtracting([id]).count >= Electorate.quorum(of: voters.count - 1)
    }

    /// It can be given a vote now: it serves, and with those who do is a quorum of all.
    package func canTake(_ id: String) -> Bool {
        hasQuorum && healthy.count + 1 >= Electorate.quorum(of: voters.count + 1)
    }
}
