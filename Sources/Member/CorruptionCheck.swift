package import EtcdProto
package import Keyspace

/// What differences between members' checksums mean.
///
/// Two checksums can be compared when they are of one revision and were made below one compacted
/// revision: then equal histories give equal sums.
package enum CorruptionCheck {
    /// Whose data cannot be right, as the leader finds when it looks by the way.
    ///
    /// - Parameters:
    ///   - first: its own checksum, before it asked the others for theirs of that revision.
    ///   - second: its own of the then present revision, after a quorum had confirmed it.
    ///   - peers: the answers there were.
    package static func suspect(
        leader: MemberID,
        _ first: KeyspaceHash,
        _ second: KeyspaceHash,
        peers: [(id: MemberID, answer: PeerHash)]
    ) -> MemberID? {
        let isSame =
            first.hashedRevision == second.hashedRevision
            && first.compactRevision == second.compactRevision
        if isSame && first.hash != second.hash { return leader }
        return peers.first { _, answer in
            // Nobody can be ahead of a leader that is one.
            answer.revision > second.hashedRevision
                || answer.hash.compactRevision > second.compactRevision
                || answer.hash.compactRevision == first.compactRevision
                    && answer.hash.hash != first.hash
        }?.id
    }

    /// The members whose data differ from those of a member that is about to start.
    package static func differing(
        from own: KeyspaceHash,
        peers: [(id: MemberID, answer: PeerHash)]
    ) -> [MemberID] {
        peers.filter { _, answer in
            answer.hash.compactRevision == own.compactRevision && answer.hash.hash != own.hash
        }.map(\.id)
    }

    /// What the checksums at a compaction say.
    package struct Verdict: Hashable, Sendable {
        /// Whose alarm is to be raised; 0 stands for the cluster, when nobody can say who is right.
        package let suspects: [MemberID]
        /// Whether every member has been compared, so that older compactions need no look.
        package let isComplete: Bool
    }

    /// Compares what members had at one compaction. Those who do not answer, or had compacted
    /// otherwise before, are left out; what a majority of all members has is right.
    package static func atCompaction(
        leader: MemberID,
        _ own: KeyspaceHash,
        peers: [(id: MemberID, answer: PeerHash?)]
    ) -> Verdict {
        var groups: [(hash: UInt32, members: [MemberID])] = [(own.hash, [leader])]
        var compared = 0
        for (id, answer) in peers {
            guard let answer, answer.hash.compactRevision == own.compactRevision else { continue }
            compared += 1
            if let group = groups.firstIndex(where: { $0.hash == answer.hash.hash }) {
                groups[group].members.append(id)
            } else {
                groups.append((answer.hash.hash, [id]))
            }
        }
        guard groups.count > 1 else {
            return Verdict(suspects: [], isComplete: compared == peers.count)
        }
        let quorum = (peers.count + 1) / 2 + 1
        guard let right = groups.firstIndex(where: { $0.members.count >= quorum }) else {
            return Verdict(suspects: [MemberID(rawValue: 0)], isComplete: true)
        }
        groups.remove(at: right)
        return Verdict(suspects: groups.flatMap(\.members).sorted(), isComplete: true)
    }
}
