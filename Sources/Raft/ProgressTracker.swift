/// What a node knows of its group: who is in it, how far each one's log is (kept up to date by a
/// leader), and who has voted (for a candidate).
package struct ProgressTracker: Sendable {
    package var configuration = GroupConfiguration()
    /// In ascending order of id: everything that goes to all goes in this order.
    package var progress: [Progress] = []
    private var votes: [(id: NodeID, granted: Bool)] = []
    var plantedBugs: PlantedBugs = []

    let maxInflightMessages: Int
    let maxInflightBytes: Int

    package init(maxInflightMessages: Int, maxInflightBytes: Int = .max) {
        self.maxInflightMessages = maxInflightMessages
        self.maxInflightBytes = maxInflightBytes
    }

    var emptyInflights: Inflights {
        Inflights(maxMessages: maxInflightMessages, maxBytes: maxInflightBytes)
    }

    /// Where in `progress` a node is; nil when it is not of the group.
    func position(of id: NodeID) -> Int? {
        progress.firstIndex { $0.id == id }
    }

    /// There is one voter, and no change is under way.
    var isSingleton: Bool {
        configuration.voters.incoming.ids.count == 1 && !configuration.voters.isJoint
    }

    /// The highest index that a quorum is known to have.
    var committed: LogIndex {
        if !plantedBugs.isEmpty { return committedByMistake }
        return configuration.voters.committedIndex { id in
            position(of: id).map { progress[$0].match }
        }
    }

    private var committedByMistake: LogIndex {
        if plantedBugs.contains(.countsLearners) {
            let needed = configuration.voters.incoming.ids.count / 2 + 1
            let matches = progress.map(\.match).sorted(by: >)
            return needed <= matches.count ? matches[needed - 1] : .zero
        }
        return quorum.committedIndex { id in position(of: id).map { progress[$0].match } }
    }

    /// Whose agreement decides.
    private var quorum: JointQuorum {
        plantedBugs.contains(.ignoresOutgoing)
            ? JointQuorum(incoming: configuration.voters.incoming) : configuration.voters
    }

    /// Whether a quorum has been heard from lately.
    var isQuorumActive: Bool {
        configuration.voters.verdict { id in
            position(of: id).map { progress[$0].recentActive }
        } == .won
    }

    mutating func forgetVotes() {
        votes.removeAll(keepingCapacity: true)
    }

    /// Counts a vote, the first of each node, and says what they decide.
    mutating func record(vote granted: Bool, of id: NodeID) -> Verdict {
        if !votes.contains(where: { $0.id == id }) { votes.append((id, granted)) }
        return quorum.verdict { id in
            votes.first { $0.id == id }?.granted
        }
    }

    /// Everybody starts from nothing, as a new term demands; `own` has all of its own log.
    mutating func restart(lastIndex: LogIndex, own: NodeID) {
        for position in progress.indices {
            let old = progress[position]
            progress[position] = Progress(
                id: old.id,
                isLearner: old.isLearner,
                match: old.id == own ? lastIndex : .zero,
                next: lastIndex + 1,
                recentActive: false,
                inflights: emptyInflights
            )
        }
    }
}
