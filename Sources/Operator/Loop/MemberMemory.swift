import ClusterAPI
package import Planning

/// What cannot be read off a member, only off its history since this operator began to watch.
package struct MemberMemory {
    private(set) var hasServed = false
    /// What it said last.
    private(set) var probe = Probe(.unknown)
    package var exits = ExitHistory()
    var restarts = 0
    /// Follows the member's log.
    var log = LogCounter()
    private var slowSyncs: [Duration] = []
    /// Why its data was found corrupt, while that is not written down.
    var untoldDamage: String?

    private var failingSince: Duration?
    private var failures = 0
    private var unservedSince: Duration?
    private var servingSince: Duration?
    private var progress: (index: UInt64, since: Duration)?

    package init() {}

    /// A process of it ended.
    package mutating func exit(_ ended: EndedProcess, _ cause: ExitCause) {
        let exit = ExitHistory.Exit(cause: cause, at: ended.at, witnessed: ended.witnessed)
        exits.record(exit, served: hasServed, ranFor: ended.ranFor)
        hasServed = false
        failingSince = nil
        failures = 0
    }

    package mutating func take(_ member: MemberObservation, at now: Duration) {
        probe = member.probe
        if member.probe.isServing {
            hasServed = true
            failingSince = nil
            failures = 0
            unservedSince = nil
            servingSince = servingSince ?? now
        } else {
            servingSince = nil
            unservedSince = unservedSince ?? now
            if member.isRunning {
                failingSince = failingSince ?? now
                failures += 1
            }
        }
        let index = member.probe.appliedIndex ?? 0
        if progress.map({ index > $0.index }) ?? true { progress = (index, now) }
    }

    /// Its log took long to be on disk, so many times since the last call.
    package mutating func noteSlowSyncs(_ count: Int, at now: Duration) {
        slowSyncs.removeAll { now - $0 > .seconds(300) }
        slowSyncs += Array(repeating: now, count: min(count, 100))
        slowSyncs.removeFirst(max(0, slowSyncs.count - 1000))
    }

    /// Nobody watched for a while: what lasted then says nothing (safety rule 16).
    package mutating func startAnew(at now: Duration) {
        if failingSince != nil { failingSince = now }
        if unservedSince != nil { unservedSince = now }
        if servingSince != nil { servingSince = now }
        if let index = progress?.index { progress = (index, now) }
        failures = 0
    }

    package func tell(_ member: inout MemberObservation) {
        member.exits = exits
        member.restarts = restarts
        member.failingSince = failingSince
        member.failures = failures
        member.unservedSince = unservedSince
        member.servingSince = servingSince
        member.stalledSince = progress?.since
        member.slowSyncs = slowSyncs.count
        member.wasRestartedInVain = exits.last?.cause == .stopped && !hasServed
    }
}

/// What is remembered of a cluster as a whole between passes. All of it may be lost: then it is
/// found out again, later.
package struct ClusterMemory {
    var leaders = LeaderMemory()
    private var comparisons: [HashComparison] = []
    private var comparedAt: Duration?
    private var spaceWork = SpaceWork()
    private var strangers: [String: Duration] = [:]
    private var quorumLostSince: Duration?
    private var quorumSince: Duration?
    private var lookedAt: Duration?
    private var isCurrent = false
    private var memberList: MemberList?
    private var alarms: [Alarm] = []
    private var defragmentDue: Set<String> = []
    /// Up to when the schedule has been looked at.
    private var scheduledUntil: Timestamp?

    /// Passes are at most ten seconds apart while the operator runs, and a step may take minutes.
    private static let longestGap = Duration.seconds(120)

    package init() {}

    /// True after the machine slept, or the operator stood still. What lasts is counted anew then,
    /// as it is for members.
    package mutating func wasAway(until now: Duration) -> Bool {
        defer { lookedAt = now }
        guard let lookedAt, now - lookedAt > ClusterMemory.longestGap else { return false }
        if quorumLostSince != nil { quorumLostSince = now }
        strangers = strangers.mapValues { _ in now }
        leaders.startAnew()
        return true
    }

    /// What the members said is so recent that it may stand in for asking them, and nothing was
    /// changed since.
    func isFresh(at now: Duration) -> Bool {
        guard isCurrent, let lookedAt else { return false }
        return now - lookedAt < .seconds(15)
    }

    /// Something was changed: what the members said before is out of date.
    mutating func outdate() {
        isCurrent = false
    }

    func recall(_ seen: inout Observation) {
        seen.memberList = memberList
        seen.alarms = alarms
    }

    /// - Parameter since: When the look at the directories began; nil: at the moment.
    package mutating func take(
        _ seen: Observation,
        _ record: ClusterRecord,
        since: Duration? = nil
    ) {
        let now = seen.now.monotonic
        isCurrent = true
        memberList = seen.memberList
        alarms = seen.alarms
        comparedAt = comparedAt ?? now
        // Whoever serves lists every alarm; that nobody could be asked does not end one.
        let isTold = seen.members.contains { $0.probe.verdict == .serving }
        if isTold, !seen.alarms.contains(where: { $0.kind == .noSpace }) { spaceWork = SpaceWork() }
        if let list = seen.memberList {
            let ids = list.entries.map(\.id).filter { id in
                !record.members.contains { $0.id == id }
            }
            strangers = Dictionary(uniqueKeysWithValues: ids.map { ($0, strangers[$0] ?? now) })
        }
        takeSchedule(seen)
        leaders.take(seen, record)
        quorumSince = Electorate(seen)?.hasQuorum == true ? quorumSince ?? now : nil
        let voters = record.members.filter(\.isVoter)
        let kept = voters.filter { seen.member($0.name)?.hasLostData != true }.count
        quorumLostSince = kept > voters.count / 2 ? nil : quorumLostSince ?? since ?? now
    }

    /// When the schedule's time has come it is decided whose turn it is; who grows later waits for
    /// the next time.
    private mutating func takeSchedule(_ seen: Observation) {
        let defragment = seen.spec.maintenance.defragment
        let worth = seen.members.filter { defragment.pays($0.probe) }.map(\.name)
        var since = scheduledUntil ?? seen.now.wall
        // A clock that is put back a little must not let a time come twice; one that had run far
        // ahead must not keep the schedule silent until then.
        if since.seconds - seen.now.wall.seconds > 86_400 { since = seen.now.wall }
        scheduledUntil = max(since, seen.now.wall)
        if let schedule = defragment.schedule, let due = schedule.next(after: since),
            due <= seen.now.wall
        {
            defragmentDue = Set(worth)
        } else {
            defragmentDue.formIntersection(worth)
        }
    }

    package func tell(_ seen: inout Observation) {
        seen.defragmentDue = defragmentDue
        seen.comparisons = comparisons
        seen.comparedAt = comparedAt ?? seen.now.monotonic
        seen.spaceWork = spaceWork
        seen.strangers = strangers
        seen.quorumLostSince = quorumLostSince
        leaders.tell(&seen)
        seen.quorumSince = quorumSince
    }

    package mutating func note(_ finding: Executor.Finding, at now: Duration) {
        switch finding {
        case .compared(let comparison):
            comparisons = (comparisons + [comparison]).suffix(2)
            comparedAt = now
        case .compacted:
            spaceWork.isCompacted = true
        case .defragmented(let member):
            spaceWork.defragmented.insert(member)
            defragmentDue.remove(member)
        case .admitted:
            // Whether a new member has got everything is asked soon.
            comparedAt = .zero - .seconds(86_400)
            comparisons = []
        }
    }
}
