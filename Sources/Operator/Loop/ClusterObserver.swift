import ClusterAPI
import Planning
import Storage

/// All reads of one pass: files, processes, and the members themselves, these in parallel and with
/// a bound on how long they may take.
package struct ClusterObserver: Sendable {
    let directory: ClusterDirectory
    let runtime: any Runtime
    let members: any Members
    let fleet: Fleet
    /// Nil where nobody keeps one.
    let ballast: Ballast?
    let clocks: Clocks
    /// What is remembered of each member between passes, by name.
    private var memories: [String: MemberMemory] = [:]
    private var memory = ClusterMemory()

    package init(
        directory: ClusterDirectory,
        runtime: any Runtime,
        members: any Members,
        fleet: Fleet,
        ballast: Ballast? = nil,
        clocks: Clocks = .machine
    ) {
        self.directory = directory
        self.runtime = runtime
        self.members = members
        self.fleet = fleet
        self.ballast = ballast
        self.clocks = clocks
    }

    /// What members say when their log took over a second to be on disk: etcd and `etcd-member`,
    /// and etcd before 3.5.
    private static let slowSyncs = ["slow fdatasync", "sync duration of"]

    /// An exit that this pass was the first to see.
    struct Exit: Hashable {
        let member: String
        let cause: ExitCause
        /// It was asked to end, or has no place in its cluster any more.
        let isExpected: Bool
    }

    /// What one look gave.
    struct Sight {
        var observation: Observation
        var exits: [Exit]
        /// The members were not asked: what they said a moment before stands in.
        var isRecalled = false
        /// By how much the machine's clock was set, forward or back; nil when it was not.
        var clockStep: Duration?
    }

    /// - Parameter mayRecall: When a process has ended, do not wait for what the others say about
    ///   that: they may be busy electing a leader.
    mutating func observe(
        _ declared: EtcdCluster,
        missing: SpecMissing?,
        record: RecordState,
        mayRecall: Bool
    ) async -> Sight {
        let now = Instant(monotonic: clocks.monotonicNow(), wall: clocks.wallNow())
        let clockStep = memory.clockStep(at: now)
        var seen = Observation(name: declared.name, spec: declared.spec, now: now)
        seen.generation = declared.metadata.generation
        seen.record = record
        seen.missing = missing
        do throws(OperatorError) {
            // A start looks again for itself.
            try runtime.adopt(ifOlderThan: .seconds(1))
        } catch {
            seen.processesUnknown = error.description
        }
        guard case .read(let record) = record else {
            findLeftovers(&seen)
            return Sight(observation: seen, exits: [], clockStep: clockStep)
        }
        seen.space = space()
        let exits = record.members.flatMap { takeExits($0) }
        for member in record.members {
            memories[member.name, default: MemberMemory()].note(member.next ?? member.launch)
        }
        for member in record.members { seen.members.append(look(at: member, in: record)) }
        if mayRecall, !exits.isEmpty, memory.isFresh(at: now.monotonic) {
            recall(&seen, record)
            return Sight(observation: seen, exits: exits, isRecalled: true, clockStep: clockStep)
        }
        await probe(&seen, record)
        // The probes took time; what they say is of now.
        seen.now.monotonic = clocks.monotonicNow()
        remember(&seen, record, since: now.monotonic)
        return Sight(observation: seen, exits: exits, clockStep: clockStep)
    }

    /// The members as they were at the last look, but for those that have ended since.
    private func recall(_ seen: inout Observation, _ record: ClusterRecord) {
        for index in seen.members.indices {
            guard let known = memories[seen.members[index].name] else { continue }
            if seen.members[index].isRunning { seen.members[index].probe = known.probe }
            known.tell(&seen.members[index])
        }
        memory.recall(&seen)
        memory.tell(&seen)
        seen.fleet = fleet.observe(seen, record)
    }

    /// What is known only because it was there all the time.
    ///
    /// - Parameter since: When the look began, on the monotonic clock.
    private mutating func remember(
        _ seen: inout Observation,
        _ record: ClusterRecord,
        since: Duration
    ) {
        let isUp = record.desired == .up && seen.spec.replicas > 0
        let wasAway = memory.wasAway(until: seen.now.monotonic, isUp: isUp)
        for index in seen.members.indices {
            let name = seen.members[index].name
            var known = memories[name] ?? MemberMemory()
            let slow = known.log.count(
                ClusterObserver.slowSyncs,
                in: directory.member(name).log,
                on: directory.disk
            )
            known.noteSlowSyncs(slow, at: seen.now.monotonic)
            if wasAway { known.startAnew(at: seen.now.monotonic) }
            known.take(seen.members[index], at: seen.now.monotonic)
            memories[name] = known
            known.tell(&seen.members[index])
        }
        memories = memories.filter { record.member($0.key) != nil }
        memory.take(seen, record, since: since)
        memory.tell(&seen)
        seen.fleet = fleet.observe(seen, record)
    }

    /// What is free where the state directory is; nil when nobody can tell. The trash is looked at
    /// only when that matters.
    private func space() -> DiskSpace? {
        guard var free = try? directory.disk.freeSpace(directory.path) else { return nil }
        // A ballast that cannot be made or removed now is tried again in the next pass.
        free = (try? ballast?.adjust(to: free)) ?? free
        var space = DiskSpace(free: free)
        if space.isShort { space.trash = (try? directory.trash()) ?? [] }
        return space
    }

    /// The leadership is about to be moved, and the leader that follows is no surprise.
    mutating func noteHandover() {
        memory.leaders.move(at: clocks.monotonicNow())
    }

    /// A step has changed something that members were asked about.
    mutating func outdate() {
        memory.outdate()
    }

    /// A member that hung was told to end.
    mutating func noteRestart(_ member: String) {
        memories[member, default: MemberMemory()].noteRestart()
    }

    /// That it did not serve is no fault of its own.
    mutating func excuse(_ member: String) {
        let now = clocks.monotonicNow()
        memories[member]?.startAnew(at: now)
    }

    mutating func countRestart(_ member: String) {
        memories[member, default: MemberMemory()].restarts += 1
    }

    /// What came of a step that changes nothing on disk.
    mutating func note(_ finding: Executor.Finding) {
        memory.note(finding, at: clocks.monotonicNow())
    }

    /// A start that the system refused counts as a run that failed at once.
    ///
    /// - Parameter isFirst: The member had never been launched before, so that nothing of it can
    ///   have run.
    mutating func countFailure(_ member: String, _ cause: ExitCause, isFirst: Bool) {
        let exit = ExitHistory.Exit(cause: cause, at: clocks.monotonicNow(), witnessed: isFirst)
        memories[member, default: MemberMemory()].exits.record(exit, served: false, ranFor: .zero)
    }

    /// Ends all connections.
    func close() async {
        fleet.forget(directory.name)
        await members.close()
    }

    private mutating func look(at member: ClusterRecord.Member, in record: ClusterRecord)
        -> MemberObservation
    {
        let files = directory.member(member.name)
        if let damage = memories[member.name]?.untoldDamage { keep(damage, of: member.name) }
        var process = runtime.process(using: files.data)
        if process == .none {
            do throws(OperatorError) {
                try files.claim().release()
            } catch {
                process = .foreign(error.description)
            }
        }
        let isRunning = if case .running = process { true } else { false }
        var found = MemberObservation(
            name: member.name,
            directory: files.state(in: record),
            process: process,
            probe: Probe(isRunning ? .unknown : .exited)
        )
        found.isStopping = runtime.isStopping(files.data)
        if found.directory == .intact, let damage = memories[member.name]?.untoldDamage {
            found.directory = .damaged(damage)
        }
        return found
    }

    /// Writes down that a member found its data corrupt, so that no later operator starts it on
    /// them. Where that fails it is remembered, and tried again.
    private mutating func keep(_ damage: String, of member: String) {
        do throws(OperatorError) {
            try directory.member(member).mark(damage: damage)
            memories[member]?.untoldDamage = nil
        } catch {
            memories[member, default: MemberMemory()].untoldDamage = damage
        }
    }

    private mutating func takeExits(_ member: ClusterRecord.Member) -> [Exit] {
        let files = directory.member(member.name)
        return runtime.takeEnded(files.data).map { ended in
            let log = MemberLog(path: files.log, disk: directory.disk)
            let cause = ended.wasAsked ? .stopped : ExitCause(ended.status, log: log.tail())
            memories[member.name, default: MemberMemory()].exit(ended, cause)
            if cause.saysDataIsLost { keep("\(cause)", of: member.name) }
            let isExpected = cause == .stopped || member.departure != nil
            return Exit(member: member.name, cause: cause, isExpected: isExpected)
        }
    }

    /// Asks every running member at once. What the first witness says of the members counts, and
    /// what any of them says of alarms.
    private func probe(_ seen: inout Observation, _ record: ClusterRecord) async {
        let running = record.members.indices.filter { seen.members[$0].isRunning }
        let answers = await members.look(at: running.map { record.members[$0].slot.clientURL })
        var looks: [String: MemberLook] = [:]
        for (index, look) in zip(running, answers) {
            seen.members[index].probe = look.probe
            looks[record.members[index].name] = look
        }
        let heard = seen.witnesses(record).compactMap { looks[$0.name] }
        seen.memberList = heard.lazy.compactMap(\.list).first
        for alarm in heard.flatMap(\.alarms) where !seen.alarms.contains(alarm) {
            seen.alarms.append(alarm)
        }
    }

    /// What exists of a cluster without a record: anything of it forbids a new one.
    private func findLeftovers(_ seen: inout Observation) {
        do throws(OperatorError) {
            let members = try directory.memberNames()
            seen.leftovers = members.map { "\(directory.path)/members/\($0) exists" }
            seen.leftovers += try directory.traces()
            if try !directory.trashNames().isEmpty {
                seen.leftovers.append("\(directory.path)/trash is not empty")
            }
            for data in runtime.users(below: directory.path) {
                seen.leftovers.append("a process uses \(data)")
            }
            seen.rebuilt = try rebuiltRecord(members)
            // What we started shall run, whatever an old copy says; others may start anything.
            let isRunning = members.contains { name in
                if case .running = runtime.process(using: directory.member(name).data) {
                    true
                } else {
                    false
                }
            }
            if isRunning { seen.rebuilt?.desired = .up }
        } catch {
            seen.leftovers.append("\(directory.path) cannot be read (\(error))")
        }
    }

    /// The record as the members' directories tell it, if they all tell the same. Every member
    /// counts as launched in it, which forbids more and never less.
    private func rebuiltRecord(_ members: [String]) throws(OperatorError) -> ClusterRecord? {
        var copies: [ClusterRecord] = []
        // Directories may be mixed up; `putBack` sees to that once there is a record.
        var owners: [String] = []
        var uids: Set<String> = []
        for name in members {
            let files = directory.member(name)
            let (identity, copy) = (try files.identity(), try files.recordCopy())
            // Data that nobody knows the owner of may be anybody's; where there is none nothing is
            // contradicted.
            if identity == nil || copy == nil, try files.hasData() { return nil }
            let owner = identity?.member ?? name
            guard !owners.contains(owner) else { return nil }
            uids.formUnion([identity?.uid, copy?.uid].compactMap { $0 })
            if let copy { copies.append(copy) }
            owners.append(owner)
        }
        guard
            // Members come and go: the copy that knows most of that is the one.
            var record = copies.max(by: { $0.seniority < $1.seniority }),
            uids == [record.uid],
            owners.allSatisfy(record.accountsFor),
            record.flaw == nil, record.cluster == directory.name
        else { return nil }
        // A copy is renewed when an order is given and may have missed that; running by mistake is
        // worse than standing still, and nothing is deleted on the word of a copy.
        record.desired = copies.allSatisfy { $0.desired == .up } ? .up : .down
        // It may also have missed who came and went since.
        record.passOver(try directory.trashNames().compactMap(ClusterDirectory.member(inTrash:)))
        return record
    }
}

extension ClusterRecord {
    /// Grows with everything that becomes of a cluster.
    fileprivate var seniority: (Int, Int, Int, Int, Int64) {
        (
            incarnation, nextOrdinal, departed.count, members.count { $0.launch != nil },
            accepted.metadata.generation
        )
    }

    /// The directory of this name has its place: a member's, or one that a recovery makes or puts
    /// aside.
    fileprivate func accountsFor(_ name: String) -> Bool {
        if member(name) != nil || recovery?.retiring.contains(name) == true { return true }
        return recovery?.source.flatMap(seed)?.member.name == name
    }
}
