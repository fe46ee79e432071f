/// Members that are stopped and have their data are started, at once or after their backoff.
func restart(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record else { return nil }
    return startStopped(record, seen, &findings)
}

/// The start of everything that is stopped and may run; nil when there is nothing of the kind. Who
/// has to wait for its next start keeps nothing else from being done meanwhile.
///
/// Starting takes nothing away, so all that are due start in one pass.
func startStopped(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) -> Plan? {
    var steps: [Step] = []
    var reasons: [Step: String] = [:]
    var waiting: (member: String, until: Duration)?
    let isLost = record.phase == .bootstrapped && isLost(record, seen)
    for member in record.members {
        guard let observed = seen.member(member.name), !observed.isRunning,
            findings.blocked[member.name] == nil, member.departure?.isFinal != true,
            !member.isListedNoMore(seen)
        else { continue }
        switch Launch.decide(member, observed, in: record) {
        case .refuse(let reason, let message):
            findings.block(member.name, reason, message)
        case .lost(let cause, let message):
            findings.lose(member.name, cause, message)
        case .notYet:
            continue
        case .withdraw:
            let step = Step.withdrawLaunch(member: member.name)
            steps.append(step)
            reasons[step] = "\(member.name) ended before it had written anything"
        case .start(let state):
            // Who joins needs the others, and is no help where a majority is lost.
            if !member.isVoter, isLost || !member.launched && seen.memberList == nil { continue }
            if let starved = starvation(observed, seen) {
                findings.block(member.name, "NoSpace", starved)
                continue
            }
            if let exit = observed.exits.last, observed.exits.streak > 1 {
                findings.note(
                    .degraded,
                    exit.cause.reason,
                    "\(member.name) \(exit.cause)",
                    member: member.name
                )
            }
            if let due = observed.exits.notBefore, due > seen.now.monotonic {
                if waiting.map({ due < $0.until }) ?? true { waiting = (member.name, due) }
                continue
            }
            let step = Step.start(member: member.name, as: state)
            steps.append(step)
            reasons[step] = observed.stopReason
        }
    }
    if !steps.isEmpty {
        let all = steps.compactMap { reasons[$0] }.joined(separator: "; ")
        var plan = Plan.act(steps, because: all, .recovering)
        plan.reasons = reasons
        return plan
    }
    if let waiting {
        findings.nextStart = .wait(
            for: "\(waiting.member)'s next start",
            because: "\(waiting.member) has failed repeatedly",
            .recovering,
            recheckAfter: waiting.until - seen.now.monotonic
        )
    }
    return nil
}

/// Why a member that the full disk has ended is not started again yet; nil when it may be. Each try
/// takes some of the last bytes, which the operator needs for its own files.
private func starvation(_ member: MemberObservation, _ seen: Observation) -> String? {
    guard let cause = member.exits.last?.cause, let space = seen.space, space.isFull else {
        return nil
    }
    switch cause {
    case .noSpace, .diskFailure: return "\(member.name) \(cause.summary); \(DiskSpace.remedy)"
    default: return nil
    }
}

extension ClusterRecord.Member {
    /// It leaves, and has done so as far as the cluster is concerned.
    fileprivate func isListedNoMore(_ seen: Observation) -> Bool {
        guard let departure else { return false }
        if let list = seen.memberList, list.entry(id) == nil { return true }
        guard departure.unlistedAt != nil else { return false }
        // Those that stay may have its removal in their logs and not know that it is decided: then
        // they need its vote once more, and it learns of its removal from them.
        return !seen.members.contains { $0.probe.verdict == .noLeader && $0.hangs(in: seen) }
    }
}

extension MemberObservation {
    fileprivate var stopReason: String {
        if let exit = exits.last {
            "\(name) \(exit.cause.summary)"
        } else {
            "\(name) is not running"
        }
    }
}

extension ExitCause {
    /// One word for conditions and events.
    package var reason: String {
        switch self {
        case .clean: "Ended"
        case .stopped: "MemberStopped"
        case .configuration: "ConfigurationRefused"
        case .binaryMissing: "BinaryMissing"
        case .portInUse: "PortInUse"
        case .dataLocked: "DataLocked"
        case .outOfMemory: "OutOfMemory"
        case .noSpace: "NoSpace"
        case .corruption: "DataCorrupt"
        case .diskFailure: "DiskFailure"
        case .refused: "StartRefused"
        case .signal: "Killed"
        case .failed: "Failing"
        case .unseen: "Ended"
        }
    }
}
