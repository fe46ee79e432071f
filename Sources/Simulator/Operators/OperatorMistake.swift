import ClusterAPI
import Planning

/// Mistakes that are planted to see that the checkers find them.
package enum OperatorMistake: String, Sendable, CaseIterable {
    /// A member whose data is gone is started as if it were new.
    case startsAnew
    /// A cluster is built anew as soon as one member has lost its data.
    case hastens
    /// Two members are restarted where one hangs.
    case restartsTwo
    /// While one member does not serve another is restarted.
    case restartsAnother
    /// The files of a member are put away while it belongs to the cluster.
    case putsAwayEarly
    /// `down` is forgotten when a member has ended.
    case forgetsDown
    /// Without a record a cluster is new, and what lies about is moved out of its way.
    case clearsLeftovers
    /// Learners never get a vote.
    case neverPromotes
    /// A recovery leaves out what the survivor did not know to be committed.
    case dropsUndecided
    /// A learner is added again when the answer to the first request was lost.
    case addsTwice

    /// `spec.paused` is not looked at.
    case ignoresPause
    /// A member of a cluster that hibernates is started.
    case wakesHibernated
    /// A cluster whose spec is gone goes too.
    case deletesVanished

    /// What one member does not come up with is brought to the next.
    case ignoresFailures
    /// Two members are launched anew at once.
    case relaunchesTwo
    /// Heartbeats and timeouts are changed at once, whatever the others have.
    case leaps
    /// The other engine is launched on a member's data.
    case swapsEngine

    // Below the planner.

    /// What goes to the trash is deleted.
    case deletesTrash
    /// The lock of a data directory is not looked at.
    case ignoresLocks
    /// The lock of the state directory is not looked at.
    case sharesDirectory
    /// The record is saved without a sync.
    case forgetsSync
    /// The last write of a snapshot does not get into the seed of the new cluster.
    case losesLastWrite

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
            let running = seen.members.filter(\.isRunning).map(\.name)
            switch recovery.phase {
            case .stopping:
                return act([running.isEmpty ? .chooseSurvivor : .stop(members: running)])
            case .salvaging: return act([.salvage])
            case .building: return act([.buildSeed])
            case .retiring: break
            }
        case .restartsTwo:
            let plan = Planning.plan(seen)
            guard case .restart(let member)? = plan.steps.first,
                let other = seen.members.first(where: { $0.name != member && $0.isRunning })
            else { return plan }
            return act([.restart(member: member), .restart(member: other.name)])
        case .restartsAnother:
            guard case .read(let record) = seen.record, record.phase == .bootstrapped,
                record.desired == .up, !seen.spec.paused, seen.spec.replicas > 0,
                let electorate = Electorate(seen), electorate.hasQuorum, !electorate.isWhole,
                let other = seen.members.first(where: { $0.isRunning && $0.probe.isServing })
            else { break }
            return act([.restart(member: other.name)])
        case .putsAwayEarly:
            guard case .read(let record) = seen.record, record.desired == .up, !seen.spec.paused,
                let member = record.members.first(where: { $0.departure != nil })?.name,
                seen.member(member)?.isRunning == true
            else { break }
            return act([.stop(members: [member])])
        case .forgetsDown:
            guard case .read(var record) = seen.record, record.desired == .down,
                seen.members.contains(where: { !$0.isRunning && $0.directory == .intact })
            else { break }
            record.desired = .up
            seen.record = .read(record)
        case .clearsLeftovers:
            seen.leftovers = []
            seen.rebuilt = nil
        case .neverPromotes:
            let plan = Planning.plan(seen)
            guard case .promote? = plan.steps.first else { return plan }
            return act([], again: .seconds(600))
        case .ignoresPause: seen.spec.paused = false
        case .wakesHibernated:
            guard seen.spec.replicas == 0, case .read(let record) = seen.record else { break }
            seen.spec.replicas = record.members.count
        case .deletesVanished:
            guard case .read(let record) = seen.record, record.desired == .up,
                seen.missing != nil, !seen.spec.paused
            else { break }
            return act([.latch(.deleted)])
        case .ignoresFailures:
            let plan = Planning.plan(seen)
            guard case .rollBack(let member, _)? = plan.steps.first,
                case .read(let record) = seen.record,
                let other = record.members.first(where: {
                    $0.name != member && record.isOutdated($0)
                })
            else { return plan }
            return act([.relaunch(member: other.name)])
        case .relaunchesTwo:
            let plan = Planning.plan(seen)
            guard case .relaunch(let member)? = plan.steps.first,
                let other = seen.members.first(where: { $0.name != member && $0.isRunning })
            else { return plan }
            return act([.relaunch(member: member), .relaunch(member: other.name)])
        case .leaps:
            // It takes its leap for the stage that is due.
            if case .read(var record) = seen.record,
                record.rollout?.target.spec.settings == seen.spec.settings
            {
                let target = record.target(for: seen.spec)
                record.rollout?.target = target
                seen.record = .read(record)
            }
            let plan = Planning.plan(seen)
            guard case .beginRollout(var target)? = plan.steps.first else { return plan }
            let isStage = target.spec.settings != seen.spec.settings
            target.spec.settings = seen.spec.settings
            return isStage ? act([.beginRollout(target)]) : plan
        case .swapsEngine:
            guard case .read(let record) = seen.record, seen.surges(record) else { break }
            let member = record.staying.first { member in
                record.isOutdated(member) && seen.member(member.name)?.probe.isServing == true
            }
            guard let member else { break }
            return act([.relaunch(member: member.name)])
        case .dropsUndecided, .deletesTrash, .ignoresLocks, .sharesDirectory, .forgetsSync,
            .losesLastWrite:
            break
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
