package import ClusterAPI

/// The status of a cluster: a function of what was seen, what is planned and what the status was,
/// so that conditions keep the time since which they hold.
package func status(
    of seen: Observation,
    plan: Plan,
    failure: String?,
    previous: ClusterStatus?
) -> ClusterStatus {
    var status = ClusterStatus()
    status.conditions = previous?.conditions ?? []
    status.phase = plan.phase.rawValue
    status.observedGeneration = seen.generation
    status.updated = seen.now.wall
    status.plan = PlanStatus(
        next: plan.steps.first?.description,
        reason: failure ?? plan.reason,
        waitingFor: plan.waitingFor,
        blockedBy: plan.blockedBy
    )
    if case .read(let record) = seen.record {
        describe(record, seen, previous, &status)
    } else {
        // The evidence that there was a cluster outlives its record (safety rule 11).
        status.clusterID = previous?.clusterID
    }
    judge(seen, plan, failure, &status)
    return status
}

private func describe(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ previous: ClusterStatus?,
    _ status: inout ClusterStatus
) {
    let serving = seen.serving
    status.incarnation = record.incarnation
    status.replicas = record.members.count
    status.readyReplicas = serving.count
    status.revision = serving.compactMap(\.probe.revision).max()
    status.dbSize = serving.compactMap(\.probe.dbSize).max()
    status.version = serving.compactMap(\.probe.version).min()
    status.clusterID = record.phase == .planned ? nil : record.clusterID
    // Endpoints are public only once the cluster cannot be seeded again (safety rule 11).
    if record.phase == .bootstrapped {
        // A learner answers little.
        status.endpoints = record.members.filter(\.isVoter).map(\.slot.clientURL)
    }
    let leaderID = seen.leaderID
    status.leader = record.members.first { $0.id != nil && $0.id == leaderID }?.name
    status.members = record.members.map { member in
        let observed = seen.members.first { $0.name == member.name }
        let old = previous?.members.first { $0.name == member.name }
        return describe(member, observed, old, record, seen, leaderID)
    }
}

private func describe(
    _ member: ClusterRecord.Member,
    _ observed: MemberObservation?,
    _ old: MemberStatus?,
    _ record: ClusterRecord,
    _ seen: Observation,
    _ leaderID: String?
) -> MemberStatus {
    var status = MemberStatus(
        name: member.name,
        id: member.id,
        since: seen.now.wall,
        slot: member.slot.number,
        clientURL: member.slot.clientURL,
        peerURL: member.slot.peerURL
    )
    guard let observed else { return status }
    status.health = health(of: observed, seen)
    status.message = message(of: observed)
    if let old, old.health == status.health { status.since = old.since }
    if observed.probe.isServing {
        status.role =
            observed.probe.isLearner || !member.isVoter
            ? .learner : member.id == leaderID ? .leader : .follower
    }
    status.version = observed.probe.version ?? old?.version
    status.dbSize = observed.probe.dbSize ?? old?.dbSize
    status.revision = observed.probe.revision ?? old?.revision
    status.restarts = observed.restarts
    status.processID = observed.processID
    return status
}

private func health(of member: MemberObservation, _ seen: Observation) -> MemberStatus.Health {
    guard case .running(_, let since) = member.process else {
        if case .foreign = member.process { return .unknown }
        return .stopped
    }
    if seen.serving.contains(where: { $0.name == member.name }) { return .healthy }
    let failing = seen.now.monotonic - (member.failingSince ?? since)
    return failing >= seen.spec.healing.unhealthyAfter ? .unhealthy : .starting
}

private func message(of member: MemberObservation) -> String {
    if !member.probe.message.isEmpty, member.isRunning { return member.probe.message }
    if !member.isRunning, let exit = member.exits.last { return "\(exit.cause)" }
    return switch member.directory {
    case .damaged(let why), .foreign(let why), .unknown(let why): why
    case .misplaced(let owner): "in its place is the directory of \(owner)"
    case .intact, .empty, .gone, .aside: ""
    }
}

/// The conditions, each with the reason that programs may compare.
private func judge(
    _ seen: Observation,
    _ plan: Plan,
    _ failure: String?,
    _ status: inout ClusterStatus
) {
    let now = seen.now.wall
    let voters = seen.memberList?.voters ?? seen.recordedVoters
    let healthy = status.members.filter { $0.health == .healthy && $0.role != .learner }.count
    let quorum = voters > 0 && healthy > voters / 2
    let count = "\(healthy) of \(voters) members serve"
    let stopped = [.stopped, .hibernated, .deleting].contains(plan.phase)

    status.set(
        .quorumHealthy,
        quorum ? .true : .false,
        reason: quorum ? "Quorum" : "NoQuorum",
        message: count,
        at: now
    )
    let available = quorum && !status.endpoints.isEmpty
    status.set(
        .available,
        available ? .true : .false,
        reason: available ? "Serving" : stopped ? plan.phase.rawValue : "NotServing",
        message: count,
        at: now
    )

    let degraded = plan.notes.first { $0.weight == .degraded }
    let messages = plan.notes.filter { $0.weight == .degraded }.map(\.message)
    if let failure {
        status.set(.degraded, .true, reason: "StepFailed", message: failure, at: now)
    } else if let degraded {
        status.set(
            .degraded,
            .true,
            reason: degraded.reason,
            message: messages.joined(separator: "; "),
            at: now
        )
    } else if status.endpoints.isEmpty || stopped || healthy == voters {
        status.set(.degraded, .false, reason: "AsExpected", message: "", at: now)
    } else {
        status.set(.degraded, .true, reason: "MembersNotServing", message: count, at: now)
    }

    status.set(
        .progressing,
        plan.isChanging ? .true : .false,
        reason: plan.phase.rawValue,
        message: plan.waitingFor.map { "waiting for \($0)" }
            ?? plan.steps.first.map(\.description) ?? "",
        at: now
    )
    let spec: (missing: Condition.Status, reason: String, message: String) =
        if let missing = seen.missing {
            (.true, "Vanished", absence(missing, seen.spec))
        } else if let why = seen.outOfReach {
            (
                .unknown, "OutOfReach",
                "nobody can tell whether a file declares this cluster (\(why)); its members run on"
            )
        } else {
            (.false, "Declared", "")
        }
    status.set(
        .specMissing,
        spec.missing,
        reason: spec.reason,
        message: spec.message,
        at: now
    )

    // What the user has to do something about comes first, what needs but time last.
    let unmet = plan.notes.first { $0.weight == .unmet }
    let underway = plan.notes.first { $0.weight == .underway }
    let hindrance = unmet ?? degraded ?? underway
    let ready = available && healthy == voters && hindrance == nil && failure == nil
    let why = (
        reason: hindrance?.reason ?? plan.phase.rawValue,
        message: hindrance?.message ?? failure ?? plan.reason
    )
    status.set(
        .ready,
        ready ? .true : .false,
        reason: ready ? "AsSpecified" : why.reason,
        message: ready ? count : why.message,
        at: now
    )
}

extension Observation {
    fileprivate var recordedVoters: Int {
        if case .read(let record) = record { record.members.filter(\.isVoter).count } else { 0 }
    }
}

/// What a vanished spec means for this cluster.
private func absence(_ missing: SpecMissing, _ spec: ClusterSpec) -> String {
    let fact = "no file declares this cluster"
    guard spec.deletionPolicy == .delete else {
        return "\(fact); its members run on and its data stays"
    }
    guard missing.sourceReadable, missing.vanishedTogether <= 1 else {
        return "\(fact); its members run on, since it is not certain that this is meant"
    }
    return "\(fact), and spec.deletionPolicy is Delete: ten minutes after that is found its "
        + "members stop and its data goes to the trash, unless a file declares it again"
}
