/// Who takes part and in which part.
///
/// A node is a voter (in either half of the quorum) or a learner, never both. One that is to become
/// a learner while it is still a voter of the outgoing half waits in `learnersNext` until the joint
/// configuration is left.
package struct GroupConfiguration: Hashable, Sendable {
    package var voters = JointQuorum()
    /// In ascending order.
    package var learners = MajorityQuorum()
    package var learnersNext = MajorityQuorum()
    /// The leader leaves the joint configuration by itself.
    package var autoLeave = false

    package init() {}

    package var confState: ConfState {
        ConfState(
            voters: voters.incoming.ids,
            learners: learners.ids,
            votersOutgoing: voters.outgoing.ids,
            learnersNext: learnersNext.ids,
            autoLeave: autoLeave
        )
    }
}

extension GroupConfiguration: CustomStringConvertible {
    package var description: String {
        var text = "voters=\(voters)"
        if !learners.isEmpty { text += " learners=\(learners)" }
        if !learnersNext.isEmpty { text += " learners_next=\(learnersNext)" }
        if autoLeave { text += " autoleave" }
        return text
    }
}

extension ConfState {
    /// The same members in the same parts, whatever the order.
    func isEquivalent(to other: ConfState) -> Bool {
        voters.sorted() == other.voters.sorted()
            && learners.sorted() == other.learners.sorted()
            && votersOutgoing.sorted() == other.votersOutgoing.sorted()
            && learnersNext.sorted() == other.learnersNext.sorted()
            && autoLeave == other.autoLeave
    }
}
