import ClusterAPI

/// A member that does not come up with a new launch gets its last good one back, and nobody else
/// gets the new one (safety rule 15); but something newer still may be rolled out by then. It is
/// asked before `restart`, which would try again for ever.
func rollBack(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.rollout != nil else { return nil }
    for member in record.members where member.next != nil || member.lastGood != nil {
        guard let observed = seen.member(member.name), findings.blocked[member.name] == nil else {
            continue
        }
        if member.next != nil, member.next == member.lastGood {
            // Its way back has begun, and it may have come up meanwhile.
            guard observed.isRunning, observed.isStopping || seen.servesWithout(member) else {
                continue
            }
            return .act(
                [.rollBack(member: member.name, why: record.rollout?.halted ?? "")],
                because: "its way back is written down",
                .recovering
            )
        }
        guard let why = observed.failureToComeUp(seen) else { continue }
        return .act(
            [.rollBack(member: member.name, why: "\(member.name) \(why)")],
            because: "\(member.name) \(why)",
            .recovering
        )
    }
    return record.phase == .bootstrapped ? haltAtJoiner(record, seen) : nil
}

/// Who joins with what is rolled out and does not come up is given up, and the roll-out halts.
///
/// - Parameter isLate: It has had all the time that there is, so one failure is enough.
func haltAtJoiner(
    _ record: ClusterRecord,
    _ seen: Observation,
    isLate: Bool = false
) -> Plan? {
    guard record.rollout?.halted == nil, seen.surges(record) else { return nil }
    // One that failed with what was rolled out before says nothing about this.
    for member in record.staying where !member.isVoter && !record.isOutdated(member) {
        guard let why = seen.member(member.name)?.failureToComeUp(seen, joins: true, isLate: isLate)
        else { continue }
        return .act(
            [.haltRollout(why: "\(member.name), which joins with it, \(why)")],
            because: "\(member.name) \(why)",
            .recovering
        )
    }
    return nil
}

extension MemberObservation {
    /// How the member shows that it cannot run as it is launched; nil while it may.
    fileprivate func failureToComeUp(
        _ seen: Observation,
        joins: Bool = false,
        isLate: Bool = false
    ) -> String? {
        if isRunning {
            // Who joins may take long to get all data, and `learn` has an eye on it.
            guard !joins, hangs(in: seen), Electorate(seen)?.hasQuorum == true else { return nil }
            return "has not served for \(seen.seconds(since: failingSince)) with what is rolled out"
        }
        // The first of the streak was ended on purpose, or is the first of all.
        guard let exit = exits.last,
            let enough = exit.cause.failuresThatBlameTheLaunch(joins: joins),
            exits.streak > (isLate ? 0 : enough)
        else { return nil }
        return "does not come up with what is rolled out: it \(exit.cause)"
    }
}

extension Observation {
    fileprivate func servesWithout(_ member: ClusterRecord.Member) -> Bool {
        guard let electorate = Electorate(self), let id = member.id else { return false }
        return electorate.servesWithout(id)
    }
}

extension ExitCause {
    /// Failed runs in a row which show that the command line is at fault; nil where it is not.
    ///
    /// - Parameter joins: Who joins also fails while those that it asks do not know of it yet.
    fileprivate func failuresThatBlameTheLaunch(joins: Bool) -> Int? {
        switch self {
        case .configuration, .binaryMissing: 2
        case .refused, .failed, .outOfMemory: joins ? 6 : 2
        case .clean, .signal, .unseen: 6
        case .stopped, .portInUse, .dataLocked, .noSpace, .corruption, .diskFailure: nil
        }
    }
}
