/// The one next step of a cluster.
///
/// The ladder's order is the order of importance (safety rule 13). A rule that answers decides;
/// one that returns nil has left its notes, and the next is asked.
package func plan(_ seen: Observation) -> Plan {
    var findings = Findings()
    let ladder: [(Observation, inout Findings) -> Plan?] = [
        trust, identify, note, pause, delete, recover, stopOrHibernate, bootstrap, putBack,
        rollBack, restart, quorumLost, busy, corrupt, depart, replace, unhang, holdCopies, lead,
        learn, repair, makeRoom, scale, rollOut, maintain,
    ]
    for rule in ladder {
        guard var plan = rule(seen, &findings) else { continue }
        if let next = findings.nextStart {
            plan.recheckAfter = min(plan.recheckAfter, next.recheckAfter)
        }
        plan.notes = findings.notes
        if plan.phase == .recovering, let wish = findings.wish(seen) { plan.phase = wish }
        return plan
    }
    return steady(seen, findings)
}

/// What the rules have found so far.
struct Findings {
    var notes: [Note] = []
    /// Members that must not be touched, and why.
    private(set) var blocked: [String: Note] = [:]

    /// What is waited for when nothing else is to be done: the next start of a member that fails.
    var nextStart: Plan?

    /// Members whose data is lost, damaged or wrong.
    private(set) var losses: [String: (cause: Departure.Cause, why: String)] = [:]
    /// Why nobody knows yet whose data is right; nil: nobody asks.
    var undecided: String?
    /// Members that somebody else took off the cluster's list.
    private(set) var removed: Set<String> = []

    mutating func note(
        _ weight: Note.Weight,
        _ reason: String,
        _ message: String,
        member: String = ""
    ) {
        notes.append(Note(weight, reason, message, member: member))
    }

    /// What the user asked for, when nothing is wrong but that it is not there yet.
    func wish(_ seen: Observation) -> Plan.Phase? {
        guard case .read(let record) = seen.record,
            !notes.contains(where: { $0.weight == .degraded })
        else { return nil }
        let absent = record.staying.filter { member in
            member.isVoter && seen.member(member.name)?.probe.isServing != true
        }
        if notes.contains(where: { $0.reason == rollingOut }) {
            let isMeant = absent.allSatisfy { $0.next != nil || $0.lastGood != nil }
            return isMeant ? .rollingOut : nil
        }
        return absent.isEmpty && notes.contains { $0.reason == scaling } ? .scaling : nil
    }

    /// Keeps the member's files and processes from being touched by any later rule.
    mutating func block(_ member: String, _ reason: String, _ message: String) {
        guard blocked[member] == nil else { return }
        let note = Note(.degraded, reason, message, member: member)
        blocked[member] = note
        notes.append(note)
    }

    /// The member must not run again; `replace` finds another for its place when it can.
    mutating func lose(_ member: String, _ cause: Departure.Cause, _ message: String) {
        losses[member] = (cause, message)
        block(member, cause.reason, message)
    }

    mutating func remove(_ member: String, _ message: String) {
        removed.insert(member)
        block(member, "MemberRemoved", message)
    }

    /// What nothing is done for while a member is blocked; nil when none is.
    func refusal(_ phase: Plan.Phase = .refused) -> Plan? {
        guard let first = blocked.keys.sorted().first, let note = blocked[first] else { return nil }
        return .refuse(note.reason, because: note.message, phase)
    }
}

extension Plan {
    /// Steps to take now; look again soon for what came of them.
    static func act(_ steps: [Step], because reason: String, _ phase: Phase) -> Plan {
        // The end of a process is an event of its own; what a step changed is seen at once.
        let takesTime = steps.contains(where: \.endsProcess)
        let delay: Duration = takesTime ? .seconds(1) : .milliseconds(100)
        return Plan(steps: steps, reason: reason, phase: phase, recheckAfter: delay)
    }

    /// The operator brought something about that needs time.
    static func wait(
        for what: String,
        because reason: String,
        _ phase: Phase,
        recheckAfter: Duration = .seconds(2)
    ) -> Plan {
        Plan(reason: reason, waitingFor: what, phase: phase, recheckAfter: recheckAfter)
    }

    /// The operator does nothing before somebody changes something.
    static func refuse(
        _ word: String,
        because reason: String,
        _ phase: Phase = .refused
    ) -> Plan {
        Plan(reason: reason, blockedBy: word, phase: phase, recheckAfter: .seconds(10))
    }
}

/// Nothing to do.
private func steady(_ seen: Observation, _ findings: Findings) -> Plan {
    guard case .read(let record) = seen.record else {
        fatalError("no rule decided about \(seen.name), which has no record")
    }
    let starting = seen.members.filter { $0.isRunning && !$0.probe.isServing }
    var plan: Plan
    if let next = findings.nextStart {
        plan = next
    } else if let first = starting.first {
        let soon = starting.contains { $0.isYoung(at: seen.now) }
        plan = .wait(
            for: "\(first.name) to serve",
            because: "\(counted(starting.count, "member")) of \(record.members.count) not serving",
            .recovering,
            recheckAfter: soon ? .milliseconds(200) : .milliseconds(500)
        )
    } else if let refusal = findings.refusal(seen.serving.isEmpty ? .recovering : .running) {
        plan = refusal
    } else {
        plan = Plan(
            reason: "\(counted(record.members.count, "member")) serving",
            phase: .running,
            recheckAfter: .seconds(10)
        )
    }
    plan.notes = findings.notes
    return plan
}

extension Departure.Cause {
    /// One word for conditions and events.
    package var reason: String {
        switch self {
        case .scaledDown: "ScaledDown"
        case .dataLost: "DataLost"
        case .dataDamaged: "DataDamaged"
        case .dataDiffers: "DataDiffers"
        case .unhealthy: "MemberUnhealthy"
        case .removed: "MemberRemoved"
        case .fellBehind: "LearnerFellBehind"
        }
    }
}

extension MemberObservation {
    /// Started so recently that the next look should come soon.
    func isYoung(at now: Instant) -> Bool {
        if case .running(_, let since) = process {
            now.monotonic - since < .seconds(10)
        } else {
            false
        }
    }
}
