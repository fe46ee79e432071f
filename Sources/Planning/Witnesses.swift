/// Whose word counts for who is a member of the cluster and who votes.
///
/// Everybody may be behind: one that has just joined may not know yet that it is a learner, and a
/// record that was rebuilt from old copies not who votes by now. Whoever leads votes, whatever the
/// record says.
extension Observation {
    /// Those who serve and vote, the leader first.
    package func witnesses(_ record: ClusterRecord) -> [ClusterRecord.Member] {
        let leader = leaderID
        let voters = record.members.filter { member in
            (member.isVoter || member.id == leader)
                && serving.contains { $0.name == member.name && !$0.probe.isLearner }
        }
        return voters.filter { $0.id == leader } + voters.filter { $0.id != leader }
    }

    /// Those whose word counts for whether this member votes: the others, since it may know its
    /// vote only because it has not heard of what came after. Where it leads and none of them
    /// serves, a record knows too few, and it speaks for itself.
    package func witnesses(
        _ record: ClusterRecord,
        toVoteOf member: ClusterRecord.Member
    ) -> [ClusterRecord.Member] {
        let others = record.members.filter { $0.isVoter && $0.id != member.id }
        let leadsAlone =
            member.id == leaderID
            && !serving.contains { served in others.contains { $0.name == served.name } }
        return witnesses(record).filter { leadsAlone || $0.id != member.id }
    }
}
