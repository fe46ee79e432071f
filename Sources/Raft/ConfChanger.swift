/// Why a change of the configuration is not possible.
package struct ConfChangeError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

/// Arithmetic of configurations: from a tracker and a change to the configuration and progress
/// that follow, without touching the tracker.
package struct ConfChanger {
    package typealias Outcome = (configuration: GroupConfiguration, progress: [Progress])

    private let tracker: ProgressTracker
    private let lastIndex: LogIndex
    private var configuration: GroupConfiguration
    private var progress: [Progress]

    /// `lastIndex` is where a new node is probed first.
    package init(_ tracker: ProgressTracker, lastIndex: LogIndex) {
        self.tracker = tracker
        self.lastIndex = lastIndex
        configuration = tracker.configuration
        progress = tracker.progress
    }

    /// Applies a committed change, in the way it asks for.
    package consuming func applying(_ change: ConfChangeV2) throws(ConfChangeError) -> Outcome {
        if change.leavesJoint { return try leavingJoint() }
        if let autoLeave = change.entersJoint {
            return try enteringJoint(autoLeave: autoLeave, change.changes)
        }
        return try simple(change.changes)
    }

    /// Several changes at once of which at most one concerns a voter.
    package consuming func simple(
        _ changes: [ConfChangeV2.Single]
    ) throws(ConfChangeError) -> Outcome {
        if configuration.voters.isJoint {
            throw ConfChangeError(description: "can't apply simple config change in joint config")
        }
        try apply(changes)
        let before = tracker.configuration.voters.incoming.ids
        let after = configuration.voters.incoming.ids
        let changed = before.count { !after.contains($0) } + after.count { !before.contains($0) }
        if changed > 1 {
            throw ConfChangeError(
                description: "more than one voter changed without entering joint config"
            )
        }
        return outcome()
    }

    /// The present voters become the outgoing half, the changed ones the incoming half.
    package consuming func enteringJoint(
        autoLeave: Bool,
        _ changes: [ConfChangeV2.Single]
    ) throws(ConfChangeError) -> Outcome {
        if configuration.voters.isJoint {
            throw ConfChangeError(description: "config is already joint")
        }
        if configuration.voters.incoming.isEmpty {
            throw ConfChangeError(description: "can't make a zero-voter config joint")
        }
        configuration.voters.outgoing = configuration.voters.incoming
        try apply(changes)
        configuration.autoLeave = autoLeave
        return outcome()
    }

    /// The incoming half decides alone again; who was only in the outgoing one is gone.
    package consuming func leavingJoint() throws(ConfChangeError) -> Outcome {
        if !configuration.voters.isJoint {
            throw ConfChangeError(description: "can't leave a non-joint config")
        }
        for id in configuration.learnersNext.ids {
            configuration.learners.insert(id)
            mark(id, asLearner: true)
        }
        configuration.learnersNext = MajorityQuorum()
        for id in configuration.voters.outgoing.ids
        where !configuration.voters.incoming.contains(id)
            && !configuration.learners.contains(id)
        {
            progress.removeAll { $0.id == id }
        }
        configuration.voters.outgoing = MajorityQuorum()
        configuration.autoLeave = false
        return outcome()
    }
}

// MARK: - Restoring
extension ConfChanger {
    /// The configuration that a snapshot describes, built from nothing by the changes that could
    /// have led to it.
    package static func restoring(
        _ state: ConfState,
        into empty: ProgressTracker,
        lastIndex: LogIndex
    ) throws(ConfChangeError) -> Outcome {
        func single(_ kind: ConfChange.Kind) -> (NodeID) -> ConfChangeV2.Single {
            { ConfChangeV2.Single(kind: kind, node: $0) }
        }
        let incoming =
            state.votersOutgoing.map(single(.removeNode)) + state.voters.map(single(.addNode))
            + (state.learners + state.learnersNext).map(single(.addLearnerNode))
        let first =
            state.votersOutgoing.isEmpty ? incoming : state.votersOutgoing.map(single(.addNode))

        var tracker = empty
        for change in first {
            let changer = ConfChanger(tracker, lastIndex: lastIndex)
            (tracker.configuration, tracker.progress) = try changer.simple([change])
        }
        if !state.votersOutgoing.isEmpty {
            let changer = ConfChanger(tracker, lastIndex: lastIndex)
            (tracker.configuration, tracker.progress) = try changer.enteringJoint(
                autoLeave: state.autoLeave,
                incoming
            )
        }
        guard tracker.configuration.confState.isEquivalent(to: state) else {
            throw ConfChangeError(description: "no sequence of changes leads to \(state)")
        }
        return (tracker.configuration, tracker.progress)
    }
}

// MARK: - Single changes
extension ConfChanger {
    private mutating func apply(_ changes: [ConfChangeV2.Single]) throws(ConfChangeError) {
        // A change that was refused after it had been proposed carries no node.
        for change in changes where change.node != .none {
            switch change.kind {
            case .addNode: makeVoter(change.node)
            case .addLearnerNode: makeLearner(change.node)
            case .removeNode: remove(change.node)
            case .updateNode: break
            }
        }
        if configuration.voters.incoming.isEmpty {
            throw ConfChangeError(description: "removed all voters")
        }
    }

    private mutating func makeVoter(_ id: NodeID) {
        configuration.learners.remove(id)
        configuration.learnersNext.remove(id)
        configuration.voters.incoming.insert(id)
        track(id, asLearner: false)
    }

    private mutating func makeLearner(_ id: NodeID) {
        if let known = progress.first(where: { $0.id == id }) {
            if known.isLearner { return }
            configuration.voters.incoming.remove(id)
            configuration.learnersNext.remove(id)
            if configuration.voters.outgoing.contains(id) {
                configuration.learnersNext.insert(id)
                return
            }
        }
        configuration.learners.insert(id)
        track(id, asLearner: true)
    }

    private mutating func remove(_ id: NodeID) {
        configuration.voters.incoming.remove(id)
        configuration.learners.remove(id)
        configuration.learnersNext.remove(id)
        if !configuration.voters.outgoing.contains(id) {
            progress.removeAll { $0.id == id }
        }
    }

    /// Marks a node, or begins to follow it.
    private mutating func track(_ id: NodeID, asLearner isLearner: Bool) {
        let place = progress.firstIndex { $0.id >= id } ?? progress.endIndex
        if place < progress.endIndex, progress[place].id == id {
            progress[place].isLearner = isLearner
            return
        }
        let new = Progress(
            id: id,
            isLearner: isLearner,
            next: max(lastIndex, LogIndex(rawValue: 1)),
            // Else a quorum check could depose us before it has had time to say anything.
            recentActive: true,
            inflights: tracker.emptyInflights
        )
        progress.insert(new, at: place)
    }

    private mutating func mark(_ id: NodeID, asLearner isLearner: Bool) {
        guard let place = progress.firstIndex(where: { $0.id == id }) else {
            fatalError("no progress for \(id)")
        }
        progress[place].isLearner = isLearner
    }

    private consuming func outcome() -> Outcome {
        checkInvariants()
        return (configuration, progress)
    }

    private func checkInvariants() {
        let voters = configuration.voters
        let tracked = progress.map(\.id)
        for id in voters.ids + configuration.learners.ids + configuration.learnersNext.ids {
            invariant(tracked.contains(id), "no progress for \(id)")
        }
        for place in progress.indices.dropFirst() {
            invariant(tracked[place - 1] < tracked[place], "progress is out of order")
        }
        for node in progress {
            let isLearner = configuration.learners.contains(node.id)
            invariant(node.isLearner == isLearner, "\(node.id) is marked wrongly as a learner")
            invariant(!isLearner || !voters.contains(node.id), "\(node.id) votes and learns")
        }
        for id in configuration.learnersNext.ids {
            invariant(voters.outgoing.contains(id), "\(id) waits to learn without having voted")
        }
        if !voters.isJoint {
            invariant(configuration.learnersNext.isEmpty, "learners wait outside a joint change")
            invariant(!configuration.autoLeave, "a configuration is to be left that is not joint")
        }
    }
}

// MARK: - What a change asks for
extension ConfChange {
    /// The same change in the newer form.
    package var v2: ConfChangeV2 {
        ConfChangeV2(
            changes: [ConfChangeV2.Single(kind: kind, node: node)],
            context: context
        )
    }
}

extension ConfChangeV2 {
    /// An empty change ends a joint configuration.
    package var leavesJoint: Bool {
        transition == .auto && changes.isEmpty
    }

    /// Non-nil when the change goes through a joint configuration; then whether the leader ends it
    /// by itself.
    package var entersJoint: Bool? {
        if transition == .auto && changes.count <= 1 { return nil }
        return transition != .jointExplicit
    }
}
