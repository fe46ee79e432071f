import EtcdProto
import Member
import Raft

/// At the same index all members know the same members, and Raft's group of the same nodes.
///
/// What is between two indexes of equal membership was so too, because members never come back.
struct MembershipChecker {
    static let name = "equal membership"

    private struct Stretch {
        let first: LogIndex
        var last: LogIndex
        let membership: Membership
        let confState: ConfState
    }

    /// In ascending order.
    private var stretches: [Stretch] = []

    /// A member has applied everything up to its applied index, and nothing else.
    mutating func note(_ member: Member, of machine: String) -> Violation? {
        let index = member.appliedIndex
        guard let end = stretches.last?.last, index <= end else {
            extend(member)
            return nil
        }
        let known = stretches.last { $0.first <= index }
        guard let known, index <= known.last else { return nil }
        if known.membership != member.membership {
            return Violation(
                Self.name,
                "at index \(index) \(machine) has \(member.membership), others had"
                    + " \(known.membership)"
            )
        }
        if known.confState == member.confState { return nil }
        return Violation(
            Self.name,
            "at index \(index) \(machine) has \(member.confState), others had"
                + " \(known.confState)"
        )
    }

    private mutating func extend(_ member: Member) {
        let index = member.appliedIndex
        if let last = stretches.last, last.membership == member.membership,
            last.confState == member.confState
        {
            stretches[stretches.count - 1].last = index
            return
        }
        stretches.append(
            Stretch(
                first: index,
                last: index,
                membership: member.membership,
                confState: member.confState
            )
        )
    }
}
