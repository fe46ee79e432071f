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
    private var silentSince: Duration?
    private var unservedSince: Duration?
    private var servingSince: Duration?
    private var progress: (index: UInt64, since: Duration)?
    /// It was told to end because it hung.
    private var isEnding = false
    /// How often that has ended it since it served last.
    private var vainRestarts = 0
    private var stoppedAt: Duration?

    /// How it is started.
    private var launch: LaunchRecord?

    package init() {}

    mutating func note(_ launch: LaunchRecord?) {
        if let launch, let known = self.launch, !launch.isLike(known) { exits.pardon() }
        self.launch = launch ?? self.launch
    }

    /// A process of it ended.
    package mutating func exit(_ ended: EndedProcess, _ cause: ExitCause) {
        let exit = ExitHistory.Exit(cause: cause, at: ended.at, witnessed: ended.witnessed)
        exits.record(exit, served: hasServed, ranFor: ended.ranFor)
        hasServed = false
        failingSince = nil
        failures = 0
        silentSince = nil
        if isEnding { vainRestarts += 1 }
        isEnding = false
        if cause == .stopped { stoppedAt = ended.at }
    }

    package mutating func take(_ member: MemberObservation, at now: Duration) {
        probe = member.probe
        silentSince = member.probe.isWithinReach ? silentSince ?? now : nil
        if member.probe.isServing {
            hasServed = true
            failingSince = nil
            failures = 0
            unservedSince = nil
            isEnding = false
            vainRestarts = 0
            stoppedAt = nil
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
        // Who was added and waits for its first start has had no time to make progress in.
        let hasBegun = member.isRunning || exits.last != nil
        if progress.map({ index > $0.index || !hasBegun }) ?? true { progress = (index, now) }
    }

    /// Its log took long to be on disk, so many times since the last call.
    package mutating func noteSlowSyncs(_ count: Int, at now: Duration) {
        slowSyncs.removeAll { now - $0 > .seconds(300) }
        slowSyncs += Array(repeating: now, count: min(count, 100))
        slowSyncs.removeFirst(max(0, slowSyncs.count - 1000))
    }

    /// It was told to end because it hung, and is to be started again.
    package mutating func noteRestart() {
        isEnding = true
    }

    /// Nobody watched for a while, or nobody was meant to serve: what lasted then says nothing
    /// (safety rule 16).
    package mutating func startAnew(at now: Duration) {
        isEnding = false
        vainRestarts = 0
        stoppedAt = nil
        if failingSince != nil { failingSince = now }
        if silentSince != nil { silentSince = now }
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
        member.silentSince = silentSince
        member.unservedSince = unservedSince
        member.servingSince = servingSince
        member.stalledSince = progress?.since
        member.slowSyncs = slowSyncs.count
        member.stoppedAt = stoppedAt
        member.vainRestarts = exits.last?.cause == .stopped ? vainRestarts : 0
    }
}

/// What is remembered of a cluster as a whole between passes. All of it may be lost: then it is
/// found out again, later.
package struct ClusterMemory {
    var leaders = LeaderMemory()
    private var comparisons: [HashComparison] = []
    private var comparedAt: Duration?
    private var spaceWork = SpaceWork()
    /// The newest that anybody told.
    private var revision: Int64 = 0
    private var strangers: [String: Duration] = [:]
    private var quorumLostSince: Duration?
    private var lostVoters: Set<String> = []
    private var quorumSince: Duration?
    private var lookedAt: Duration?
    private var lastInstant: Instant?
    /// Its members were meant to run at the last look.
    private var wasUp = true
    private var isCurrent = false
    private var memberList: MemberList?
    private var alarms: [Alarm] = []
    private var defragmentDue: Set<String> = []
    /// Up to when the schedule has been looked at.
    private var scheduledUntil: Timestamp?

    /// Passes are ten seconds apart at most. Only the steps of a recovery take longer, and after
    /// one of more than this everything is counted anew.
    private static let longestGap = Duration.seconds(120)

    package init() {}

    /// True after the machine slept, or the operator stood still, and when a cluster that was down
    /// may run again. What lasts is counted anew then, as it is for members.
    package mutating func wasAway(until now: Duration, isUp: Bool = true) -> Bool {
        defer { (lookedAt, wasUp) = (now, isUp) }
        let isWoken = isUp && !wasUp
        guard let lookedAt, isWoken || now - lookedAt > ClusterMemory.longestGap else {
            return false
        }
        if quorumLostSince != nil { quorumLostSince = now }
        strangers = strangers.mapValues { _ in now }
        leaders.startAnew()
        return true
    }

    /// By how much the wall clock went forward (or back, where it is negative) since the last call,
    /// apart from the time that passed; nil when that is what clocks do.
    package mutating func clockStep(at now: Instant) -> Duration? {
        defer { lastInstant = now }
        guard let lastInstant else { return nil }
        let shown = Duration.seconds(now.wall.seconds - lastInstant.wall.seconds)
        let step = shown - (now.monotonic - lastInstant.monotonic)
        return abs(step.components.seconds) >= ClusterMemory.leastClockStep ? step : nil
    }

    /// In seconds.
    private static let leastClockStep: Int64 = 30

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
        revision = max(revision, seen.serving.compactMap(\.probe.revision).max() ?? 0)
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
        let voters = presumedVoters(record, seen).map(\.name)
        let lost = Set(voters.filter { seen.member($0)?.hasLostData == true })
        // Where one has come back others may follow.
        if !isLost(record, seen) || !lostVoters.isSubset(of: lost) { quorumLostSince = nil }
        if isLost(record, seen) { quorumLostSince = quorumLostSince ?? since ?? now }
        lostVoters = lost
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
            spaceWork.compaction = .init(revision: revision, at: now)
            spaceWork.defragmented = []
        case .defragmented(let member):
            spaceWork.defragmented.insert(member)
            defragmentDue.remove(member)
        case .disarmed:
            // Another alarm may be raised before anybody sees that there is none.
            spaceWork = SpaceWork()
        case .admitted:
            // Whether a new member has got everything is asked soon.
            comparedAt = .zero - .seconds(86_400)
            comparisons = []
        }
    }
}
