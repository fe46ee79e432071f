import Chance
import Raft
import Storage

extension CoreWorld: Sabotaged {
    var machineCount: Int { machines.count }

    /// The machine that leads with the highest term.
    var leader: Int? {
        var found: (index: Int, term: Term)?
        for (index, machine) in machines.enumerated() {
            guard let status = machine.node?.basicStatus, status.role == .leader else { continue }
            if found.map({ $0.term < status.term }) ?? true { found = (index, status.term) }
        }
        return found?.index
    }

    func isRunning(_ index: Int) -> Bool { machines[index].isRunning }

    /// Whether a machine is of the group, as far as it knows itself.
    func isInGroup(_ index: Int) -> Bool {
        let machine = machines[index]
        let group = machine.confState
        return (group.voters + group.learners + group.votersOutgoing + group.learnersNext)
            .contains(machine.id)
    }

    func isGone(_ index: Int) -> Bool { false }

    func cut(_ from: Int, _ to: Int) { stage.network.cut(from, to) }

    func join(_ from: Int, _ to: Int) { stage.network.join(from, to) }

    func inject(_ fault: Fault, _ generator: inout Generator) -> Bool {
        switch fault {
        case .transfer: transfer(&generator)
        case .forgetLeader: forgetLeader(&generator)
        case .reconfiguration: reconfigure(&generator)
        case .compaction: saveSnapshot(on: generator.below(machines.count))
        default: false
        }
    }

    private func transfer(_ generator: inout Generator) -> Bool {
        let to = machines[generator.below(machines.count)].id
        guard let leader else { return false }
        stage.note(.fault, leader, 22, to.rawValue) { "is to hand over leadership to n\(to)" }
        update(leader) { $0.transferLeadership(to: to) }
        return true
    }

    private func forgetLeader(_ generator: inout Generator) -> Bool {
        let index = generator.below(machines.count)
        guard let node = machines[index].node, node.basicStatus.role == .follower else {
            return false
        }
        stage.note(.fault, index, 24) { "is to forget its leader" }
        update(index) { $0.forgetLeader() }
        return true
    }

    func saveSnapshot(on index: Int) -> Bool {
        let machine = machines[index]
        guard machine.isRunning, machine.skipUpTo <= machine.applied else { return false }
        let isSaved = machine.saveSnapshot(
            keeping: options.core.entriesKept,
            forgetting: options.world.bugs.contains(.forgetsConfState)
        )
        guard isSaved else { return false }
        appliedOnce.persisted(index, upTo: machine.applied)
        stage.note(.fault, index, 25, machine.applied.rawValue) {
            "saves a snapshot at \(machine.applied)"
        }
        return true
    }

    /// Proposes some change of the group, of one node or of several at once; or, where a joint
    /// configuration waits for it, the end of that.
    private func reconfigure(_ generator: inout Generator) -> Bool {
        let count = generator.pick([1, 1, 2, 3])
        let transition = generator.pick([
            ConfChangeV2.Transition.auto, .jointImplicit, .jointExplicit,
        ])
        let draws = (0..<count).map { _ in (generator.below(machines.count), generator.below(3)) }
        guard let leader, let node = machines[leader].node else { return false }
        if leaveJoint(leader) { return true }
        var voters = node.status.configuration.voters.incoming
        var changes: [ConfChangeV2.Single] = []
        for (position, action) in draws {
            let id = machines[position].id
            if changes.contains(where: { $0.node == id }) { continue }
            let kind = [ConfChange.Kind.addNode, .addLearnerNode, .removeNode][action]
            var left = voters
            if kind == .addNode { left.insert(id) } else { left.remove(id) }
            if left.isEmpty { continue }
            voters = left
            changes.append(ConfChangeV2.Single(kind: kind, node: id))
        }
        guard !changes.isEmpty else { return false }
        stage.note(.fault, leader, 26, UInt64(changes.count)) {
            let parts = changes.map { "\($0.kind) n\($0.node)" }
            return "is to change the group (\(transition)): " + parts.joined(separator: ", ")
        }
        propose(ConfChangeV2(transition: transition, changes: changes), on: leader)
        return true
    }

    /// Asks a leader to leave a joint configuration that it does not leave by itself.
    func leaveJoint(_ leader: Int) -> Bool {
        guard let configuration = machines[leader].node?.status.configuration,
            configuration.voters.isJoint, !configuration.autoLeave
        else { return false }
        stage.note(.fault, leader, 27) { "is to leave the joint configuration" }
        propose(ConfChangeV2(), on: leader)
        return true
    }
}
