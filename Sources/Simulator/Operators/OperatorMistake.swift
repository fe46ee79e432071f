import Planning

/// Mistakes that are planted to see that the checkers find them.
package enum OperatorMistake: String, Sendable, CaseIterable {
    /// A member whose data is gone is started as if it were new.
    case startsAnew
    /// A cluster is built anew as soon as one member has lost its data.
    case hastens
    /// Two members are restarted where one hangs.
    case restartsTwo
    /// The files of a member are put away while it belongs to the cluster.
    case putsAwayEarly
    /// `down` is forgotten when a member has ended.
    case forgetsDown
    /// Without a record a cluster is new, whatever lies about.
    case ignoresLeftovers
    /// Learners never get a vote.
    case neverPromotes
    /// A recovery leaves out what the survivor did not know to be committed.
    case dropsUndecided
    /// A learner is added again when the answer to the first request was lost.
    case addsTwice

    /// The plan of a planner that makes this mistake.
    func plan(_ seen: Observation) -> Plan {
        var seen = seen
        switch self {
        case .startsAnew:
            guard case .read(let record) = seen.record, record.desired == .up,
                let lost = seen.members.first(where: { member in
                    !member.isRunning && (member.directory == .gone || member.directory == .empty)
                        && record.member(member.name)?.hasLog == true
                })
            else { break }
            return act([.start(member: lost.name, as: .new)])
        case .hastens:
            guard case .read(let record) = seen.record, record.phase == .bootstrapped,
                record.desired == .up, seen.members.contains(where: \.hasLostData)
            else { break }
            guard let recovery = record.recovery else { return act([.beginRecovery]) }
            guard recovery.phase == .stopping else { break }
            let running = seen.members.filter(\.isRunning).map(\.name)
            return act([running.isEmpty ? .chooseSurvivor : .stop(members: running)])
        case .restartsTwo:
            let plan = Planning.plan(seen)
            guard case .restart(let member)? = plan.steps.first,
                let other = seen.members.first(where: { $0.name != member && $0.isRunning })
            else { return plan }
            return act([.restart(member: member), .restart(member: other.name)])
        case .putsAwayEarly:
            let plan = Planning.plan(seen)
            guard case .retire(let member, let why)? = plan.steps.first else { return plan }
            return act([
                .retire(member: member, why), .stop(members: [member]), .trash(member: member),
            ])
        case .forgetsDown:
            guard case .read(var record) = seen.record, record.desired == .down,
                seen.members.contains(where: { !$0.isRunning && $0.directory == .intact })
            else { break }
            record.desired = .up
            seen.record = .read(record)
        case .ignoresLeftovers:
            seen.leftovers = []
            seen.rebuilt = nil
        case .neverPromotes:
            let plan = Planning.plan(seen)
            guard case .promote? = plan.steps.first else { return plan }
            return act([], again: .seconds(600))
        case .dropsUndecided: break
        case .addsTwice:
            guard case .read(let record) = seen.record, let list = seen.memberList,
                let stray = list.entries.first(where: { $0.isLearner && $0.name.isEmpty }),
                record.members.contains(where: { $0.id == nil })
            else { break }
            return act([.remove(id: stray.id)])
        }
        return Planning.plan(seen)
    }

    private func act(_ steps: [Step], again: Duration = .seconds(1)) -> Plan {
        Plan(steps: steps, reason: rawValue, phase: .recovering, recheckAfter: again)
    }
}
