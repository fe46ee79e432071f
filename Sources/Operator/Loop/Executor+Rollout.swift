import ClusterAPI
import Planning

/// Steps that change how members are launched. Each is written down before a process notices.
extension Executor {
    func rollOut(
        _ step: Step,
        _ record: inout ClusterRecord
    ) throws(OperatorError) -> Outcome {
        switch step {
        case .beginRollout(let target):
            let program = try program(for: target, record)
            let rollout = Rollout(
                target: target,
                goal: record.accepted,
                program: program.program,
                sha256: program.sha256
            )
            let before = record.rollout?.target ?? record.applied
            try changeMembers(&record) { $0.rollout = rollout }
            return .changed(
                from: "generation \(before.metadata.generation)",
                to: "generation \(target.metadata.generation)"
            )
        case .relaunch(let name):
            if let member = record.member(name), record.isLaunchedOtherwise(member) {
                let next = record.wantedLaunch(of: member)
                try changeMembers(&record) { $0.update(name) { $0.next = next } }
                return try stop([name], patience: patience).afterChange
            }
            return try stop([name], patience: patience)
        case .correctLaunch(let name):
            guard let member = record.member(name), record.isLaunchedOtherwise(member) else {
                return .unchanged
            }
            // Nothing runs with the old one, so there is nothing to go back to.
            try directory.member(name).claim().release()
            try changeMembers(&record) { $0.correctLaunch(of: member) }
        case .accept(let name):
            try changeMembers(&record) { $0.update(name) { $0.lastGood = nil } }
        case .rollBack(let name, let why):
            // Its way back is written down, and it takes its time to end.
            guard let member = record.member(name) else { return .unchanged }
            if member.next != nil, member.next == member.lastGood {
                return try stop([name], patience: patience)
            }
            try changeMembers(&record) { $0.rollBack(member, why: why) }
            return try stop([name], patience: patience).afterChange
        case .haltRollout(let why):
            try changeMembers(&record) { $0.rollout?.halted = why }
        case .finishRollout:
            guard let rollout = record.rollout else { return .unchanged }
            try changeMembers(&record) { record in
                record.applied = rollout.target
                record.rollout = nil
            }
        default:
            fatalError("\(step) is no part of a roll-out")
        }
        return .done
    }

    /// The member is about to be started with its next launch. The one that it ran well with is
    /// kept until this one has proven itself.
    func adoptNext(_ name: String, _ record: inout ClusterRecord) throws(OperatorError) {
        guard record.member(name)?.next != nil else { return }
        try changeMembers(&record) { record in
            record.update(name) { member in
                if member.next == member.lastGood {
                    member.lastGood = nil
                } else if member.lastGood == nil {
                    member.lastGood = member.launch
                }
                member.launch = member.next
                member.next = nil
            }
        }
    }

    func rolledOutProgram(_ record: ClusterRecord) throws(OperatorError) -> MemberProgram.Pinned {
        guard let rollout = record.rollout else { return try appliedProgram(record) }
        return .init(program: rollout.program, sha256: rollout.sha256)
    }

    /// A roll-out that does not change the engine does not change the program either: a new version
    /// of the package is none of its business (safety rule 35).
    private func program(
        for target: EtcdCluster,
        _ record: ClusterRecord
    ) throws(OperatorError) -> MemberProgram.Pinned {
        if let rollout = record.rollout, rollout.target.spec.engine == target.spec.engine {
            return .init(program: rollout.program, sha256: rollout.sha256)
        }
        return record.applied.spec.engine == target.spec.engine
            ? try appliedProgram(record) : try programs.pin(program(of: target.spec))
    }

    /// What members ran before the roll-out, if there is one.
    func appliedProgram(
        _ record: ClusterRecord
    ) throws(OperatorError) -> MemberProgram.Pinned {
        let launches = record.staying.compactMap { $0.lastGood ?? $0.launch }
            .filter { $0.isEmbedded == record.applied.spec.isEmbedded }
        let rollout = record.rollout
        let isOther = rollout.map { $0.target.spec.engine != record.applied.spec.engine } ?? false
        let launch = launches.last { !isOther || $0.sha256 != rollout?.sha256 }
        if let launch { return .init(program: launch.program, sha256: launch.sha256) }
        return try programs.pin(program(of: record.applied.spec))
    }
}

extension Executor.Outcome {
    /// Something was written down, whether or not there was a process to stop.
    fileprivate var afterChange: Self { self == .unchanged ? .done : self }
}
