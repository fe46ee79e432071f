/// The members' answers to one question: what is the hash of all you hold at this revision?
package struct HashComparison: Hashable, Sendable {
    package struct Answer: Hashable, Sendable {
        package var hash: UInt32
        /// Two hashes can be compared only when the same history had been dropped.
        package var compactRevision: Int64

        package init(hash: UInt32, compactRevision: Int64) {
            self.hash = hash
            self.compactRevision = compactRevision
        }
    }

    /// What the answers say of the voters (safety rule 19).
    package enum Verdict: Hashable, Sendable {
        case agreed
        /// A strict majority of all voters agrees, and these differ from it.
        case minority([String])
        /// They differ, and no majority agrees, whatever the others would answer.
        case split
        /// They differ, and these, which could not be compared, may make a majority.
        case undecided([String])
        /// Too few have answered in a way that can be compared.
        case unknown
    }

    /// On the monotonic clock.
    package var at: Duration
    package var revision: Int64
    /// By the member's name; those that gave none are not in it.
    package var answers: [String: Answer]

    package init(at: Duration, revision: Int64, answers: [String: Answer]) {
        self.at = at
        self.revision = revision
        self.answers = answers
    }

    /// - Parameter lost: Voters that have no data that could be compared, and will have none.
    package func verdict(voters: [String], lost: Set<String> = []) -> Verdict {
        let given = voters.compactMap { answers[$0] }
        let counts = Dictionary(grouping: given) { $0 }.mapValues(\.count)
        if let (right, count) = counts.first(where: { $0.value > voters.count / 2 }) {
            let differing = voters.filter { name in
                guard let answer = answers[name] else { return false }
                return answer.compactRevision == right.compactRevision && answer.hash != right.hash
            }
            if !differing.isEmpty { return .minority(differing) }
            return count == voters.count ? .agreed : .unknown
        }
        // Those that can be compared with each other and differ.
        let histories = Dictionary(grouping: counts) { $0.key.compactRevision }
            .filter { $0.value.count > 1 }
        var verdict = Verdict.unknown
        for (compactRevision, groups) in histories.sorted(by: { $0.key < $1.key }) {
            let missing = voters.filter { name in
                !lost.contains(name) && answers[name]?.compactRevision != compactRevision
            }
            let most = groups.map(\.value).max() ?? 0
            guard most + missing.count > voters.count / 2 else { return .split }
            if verdict == .unknown { verdict = .undecided(missing) }
        }
        return verdict
    }
}
