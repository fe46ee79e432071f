extension RaftNode {
    /// Applies a committed configuration change, as every node must with every one that comes in
    /// `committedEntries`. One that was found invalid is applied with nodes set to `.none`.
    package mutating func apply(_ change: ConfChangeV2) -> ConfState {
        let changed = Result { () throws(ConfChangeError) in
            try ConfChanger(tracker, lastIndex: log.lastIndex).applying(change)
        }
        switch changed {
        case .success(let outcome): return switchTo(outcome)
        case .failure(let error):
            // The log is the same everywhere, and so must be what is made of it.
            fatalError("\(change) is committed but impossible: \(error)")
        }
    }

    package mutating func apply(_ change: ConfChange) -> ConfState {
        apply(change.v2)
    }

    /// Goes on with another configuration.
    mutating func switchTo(_ outcome: ConfChanger.Outcome) -> ConfState {
        (tracker.configuration, tracker.progress) = outcome
        let state = tracker.configuration.confState
        guard role == .leader else { return state }
        let own = tracker.position(of: id).map { tracker.progress[$0] }
        if own?.isLearner ?? true {
            // Removed or demoted.
            if configuration.stepDownOnRemoval { becomeFollower(term: term, leader: .none) }
            return state
        }
        if state.voters.isEmpty { return state }
        if advanceCommit() {
            // A smaller quorum has more.
            broadcastAppend()
        } else {
            // New nodes need not wait for the next heartbeat.
            for peer in tracker.progress.indices where tracker.progress[peer].id != id {
                sendAppend(to: peer, evenIfEmpty: false)
            }
        }
        if !tracker.configuration.voters.contains(leadTransferee) { leadTransferee = .none }
        return state
    }
}
