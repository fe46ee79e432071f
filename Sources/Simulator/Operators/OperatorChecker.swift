import ClusterAPI
import Operator
import Planning
import Storage

/// Looks on while the operator works, and knows what must never happen (safety.md's numbers are in
/// the names of what it reports).
final class OperatorChecker: @unchecked Sendable {  // because one thread drives the world
    private unowned let world: OperatorWorld
    /// Members that once began with an empty log.
    private var begun: Set<UInt64> = []
    /// The clusters that there were under the one name, oldest first.
    private var clusters: [UInt64] = []
    /// Members of the very first.
    private var first = 0
    /// The newest that has acknowledged a write.
    private var newest = 0
    private var acknowledged: [String: String] = [:]
    /// Who was the first to be launched with what nobody comes up with, by generation.
    private var victims: [Int64: (name: String, joins: Bool)] = [:]
    /// Data directories of members that the operator has stopped and not started again.
    private var stopped: Set<String> = []
    private var learners = 0
    /// Voters that the operator took away and that do not serve again: how and when, by their ids.
    private var away: [UInt64: (how: String, at: Int)] = [:]
    /// Orders that were given, and the one that was answered as done and not followed by another.
    private var orders = 0
    private var kept: ClusterCommand?
    /// Somebody has asked for the cluster's deletion in a way that counts.
    private var mayBeDeleted = false
    private var deletionAskedAt: Int?
    /// What the operator knew of the spec when it decided last.
    private var isPaused = false
    private var isHibernating = false
    /// Who said that it serves when a defragmentation was decided, which is done beside the passes.
    private var saidBefore: Set<String> = []

    static let loss = "no acknowledged write is lost"
    static let end = "members end with all that was acknowledged"
    static let beginning = "no member begins anew (11)"
    static let twins = "never two clusters from one (4, 11)"
    static let quorum = "never below quorum by our own hand (13, 16)"
    static let single = "one disruptive step at a time (13)"
    static let used = "no directory is moved while a process uses it (12)"
    static let needed = "nothing that is needed is put away (12)"
    static let deletion = "no log is ever deleted"
    static let haste = "no recovery while a majority has its data (5)"
    static let obedience = "what was ordered down stays down (14)"
    static let repetition = "no step is repeated with effect (17)"
    static let trial = "what one does not come up with no other gets (15)"
    static let timing = "leaders are fast enough for all (22)"
    static let engine = "no engine gets the other's data"
    static let hibernation = "a cluster of no replicas does not run (14)"
    static let pause = "a paused cluster is left alone (13)"
    static let unasked = "no cluster is deleted unless somebody asks (10)"
    static let sharing = "one operator for one directory"
    static let convergence = "convergence"

    init(_ world: OperatorWorld) { self.world = world }

    private func report(_ name: String, _ text: String) {
        world.stage.report(name, text)
    }

    var count: Int { acknowledged.count }

    // MARK: - What members do

    /// A member makes itself an empty log.
    ///
    /// - Parameter count: The members of a new cluster; nil: it joins one.
    func begins(_ id: UInt64, of cluster: UInt64, asOneOf count: Int? = nil) {
        if !begun.insert(id).inserted {
            report(Self.beginning, "member \(String(id, radix: 16)) had a log and begins with none")
        }
        guard let count, !clusters.contains(cluster) else { return }
        if clusters.isEmpty {
            first = count
            mayBeDeleted = false
        } else {
            let id = String(cluster, radix: 16)
            report(Self.twins, "cluster \(id) begins empty where there is one")
        }
        clusters.append(cluster)
    }

    func acknowledges(_ key: String, _ value: String, in cluster: UInt64) {
        acknowledged[key] = value
        guard let generation = clusters.firstIndex(of: cluster) else { return }
        if generation < newest {
            let id = String(cluster, radix: 16)
            report(Self.twins, "cluster \(id) acknowledges \(key), and it has a successor")
        }
        newest = max(newest, generation)
    }

    /// It belongs to the last cluster that there was.
    func isOfNewest(_ replica: Replica) -> Bool { replica.clusterID == clusters.last }

    // MARK: - What is ordered

    /// Somebody gives an order. Whatever was promised before, this may come true from now on.
    func asks(_ command: ClusterCommand) -> (ClusterCommand, number: Int) {
        orders += 1
        if kept != command { kept = nil }
        if command == .delete, world.isUndeclared { mayBeDeleted = true }
        if command == .delete { deletionAskedAt = world.stage.now }
        return (command, orders)
    }

    /// The spec is gone, maybe while an order to delete waits.
    func undeclares() {
        if let asked = deletionAskedAt, world.stage.now - asked < 60_000_000 { mayBeDeleted = true }
    }

    /// The order is done, says the operator.
    func answers(_ order: (command: ClusterCommand, number: Int)) {
        guard order.number == orders else { return }
        kept = order.command
        if kept == .down { world.stage.count(.keptDown) }
    }

    func decides(_ plan: Plan, _ seen: Observation) {
        isPaused = seen.spec.paused
        isHibernating = seen.spec.replicas == 0
        if plan.phase == .paused { world.stage.count(.passPaused) }
        if plan.phase == .hibernated { world.stage.count(.passHibernated) }
        let defragments = plan.steps.contains { if case .defragment = $0 { true } else { false } }
        if defragments { saidBefore = world.run?.said ?? [] }
        guard plan.steps.contains(.latch(.deleted)) else { return }
        mayBeDeleted = world.mayGo && world.absence >= .seconds(600)
        if !mayBeDeleted {
            report(Self.unasked, "it is to go after \(world.absence) without a spec")
        }
    }

    /// The cluster's files were moved away.
    func forgetsCluster() {
        if !mayBeDeleted { report(Self.unasked, "its files are in the trash") }
        clusters = []
        newest = 0
        acknowledged = [:]
        learners = 0
        victims = [:]
        stopped = []
        away = [:]
        kept = nil
    }

    /// Something is done that shows outside the operator's own files.
    private func acts(_ what: @autoclosure () -> String) {
        if isPaused { report(Self.pause, what()) }
    }

    func starts(_ data: String) {
        acts("\(data) is started")
        if isHibernating { report(Self.hibernation, "\(data) is started") }
        if kept == .down { report(Self.obedience, "\(data) is started, and `down` was done") }
        guard let record = world.record, record.desired != .up else { return }
        report(Self.obedience, "\(data) is started although the cluster is \(record.desired)")
    }

    /// Before its process is there.
    func launches(_ data: String, _ arguments: [String]) {
        let next = SimulatedProcess(
            id: 0,
            data: data,
            arguments,
            since: 0,
            parent: 0,
            isHidden: false
        )
        let others = world.processes.filter { $0.parent > 0 && $0.data != data }
        let tooSlow = others.first { other in
            next.beat * 5 > other.timeout || other.beat * 5 > next.timeout
        }
        if let tooSlow {
            report(
                Self.timing,
                "\(next.name) beats every \(next.beat) ms and waits \(next.timeout) ms; "
                    + "\(tooSlow.name) every \(tooSlow.beat) ms and \(tooSlow.timeout) ms"
            )
        }
        // Whoever is down anyway may be tried with anything.
        let isTaken = stopped.remove(data) != nil
        guard isTaken || world.launches[next.name] == nil,
            next.flags[DeclaredSettings.nonsense] != nil, let record = world.record,
            record.phase == .bootstrapped,
            let generation = record.rollout?.target.metadata.generation
        else { return }
        guard let first = victims[generation] else {
            return victims[generation] = (next.name, joins: !isTaken)
        }
        if first.name != next.name {
            report(Self.trial, "\(next.name) gets what \(first.name) does not come up with")
        }
    }

    /// How a joiner has failed nobody knows any more: it never had anything, and another may come.
    func forgetsJoiners() {
        victims = victims.filter { !$0.value.joins }
    }

    func mixesEngines(_ process: SimulatedProcess, _ owner: String) {
        report(Self.engine, "\(process.name) is launched as \(process.engine) on data of \(owner)")
    }

    // MARK: - Who is taken away

    /// A running process is asked to end.
    func stops(_ process: SimulatedProcess, _ run: OperatorRun) {
        acts("process \(process.id) of \(process.name) is stopped")
        stopped.insert(process.data)
        guard let replica = process.replica, isOfNewest(replica), let record = world.record,
            record.desired == .up, record.accepted.spec.replicas > 0, record.recovery == nil,
            let roster = world.newestRoster, roster.voters.contains(where: { $0.id == replica.id })
        else { return }
        takesAway(replica.id, Self.restarted, run)
        let voters = run.voters.isEmpty ? Set(roster.voters.map(\.id)) : run.voters
        weakens(replica.id, run, leaving: voters.subtracting([replica.id]), of: voters.count)
    }

    /// The members are told to change something.
    func changes() {
        acts("the members are changed")
    }

    func removes(_ member: Roster.Member, from leader: Replica, _ run: OperatorRun) {
        guard !member.isLearner else { return }
        takesAway(member.id, "removed", run)
        let rest = Set(leader.roster.voters.map(\.id)).subtracting([member.id])
        weakens(member.id, run, leaving: rest, of: rest.count)
    }

    func deposes(_ leader: Replica, _ run: OperatorRun) {
        takesAway(leader.id, "deposed", run)
    }

    func defragments(_ replica: Replica, _ run: OperatorRun) {
        guard !replica.isLearner else { return }
        takesAway(replica.id, "defragmented", run)
        let voters = run.voters
        let rest = voters.subtracting([replica.id])
        // Where all others serve there will be no better moment.
        let serving = rest.count { saidBefore.contains(String($0, radix: 16)) }
        if serving < rest.count, serving < voters.count / 2 + 1 {
            let name = String(replica.id, radix: 16)
            report(Self.quorum, "without \(name) only \(serving) of \(voters.count) would serve")
        }
    }

    /// Rule 13: one at a time, until it serves again or is no voter any more.
    private func takesAway(_ id: UInt64, _ how: String, _ run: OperatorRun) {
        notices()
        let name = String(id, radix: 16)
        let isServing = world.isServing(id)
        if let first = away.keys.filter({ $0 != id }).min(), let why = away[first]?.how, isServing {
            let other = String(first, radix: 16)
            report(Self.single, "\(name) is \(how) while \(other), \(why), is not back")
        }
        run.disruptions += 1
        if run.disruptions > 1 { report(Self.single, "\(name) is \(how), the second in one pass") }
        // Who did not serve anyway is not kept from it by a change of leader or of its files.
        if isServing || how == Self.restarted { away[id] = (how, world.stage.now) }
    }

    /// Time has passed: who serves again, also if it only says so, or is no voter any more, is away
    /// no longer; and who has not come back for so long that it counts as a member that fails does
    /// that by itself. So does a member whose process somebody else has ended since.
    func notices(_ said: Set<String> = []) {
        guard !away.isEmpty else { return }
        let listed = world.newestRoster?.voters.map(\.id)
        let limit = world.options.unhealthyAfter * 1_000_000
        away = away.filter { id, step in
            listed?.contains(id) ?? true && !world.isServing(id)
                && !said.contains(String(id, radix: 16)) && world.stage.now - step.at < limit
                && (step.how == Self.restarted || world.runs(id))
        }
    }

    private static let restarted = "restarted"

    /// What the members said in the same pass is what the operator can know.
    private func weakens(
        _ id: UInt64,
        _ run: OperatorRun,
        leaving rest: Set<UInt64>,
        of count: Int
    ) {
        let serving = rest.count { run.said.contains(String($0, radix: 16)) }
        // Where nobody serves there is nothing to take away.
        guard serving < count / 2 + 1, !run.silent.contains(id) else { return }
        report(
            Self.quorum,
            "without \(String(id, radix: 16)) only \(serving) of \(count) would serve"
        )
    }

    func adds() { learners += 1 }

    // MARK: - What becomes of directories

    func moves(_ from: String, to: String) {
        checkUse(of: from)
        if from.hasPrefix(world.membersFolder + "/"), !from.hasSuffix(".tmp") {
            acts("\(from) is moved")
        }
        let folder = world.membersFolder + "/"
        guard from.hasPrefix(folder), !from.dropFirst(folder.count).contains("/"),
            to.contains("/trash/"),
            let contents = try? WAL.read(on: world.disk, directory: Replica.folder(from + "/data")),
            let owner = Replica.owner(contents.metadata),
            let (clusterID, roster) = membership(), owner.cluster == clusterID,
            roster.member(owner.member) != nil
        else { return }
        report(Self.needed, "\(from) goes to \(to), and it belongs to a member")
    }

    /// Rule 12: who has taken the lock, or was started by the operator itself.
    private func checkUse(of path: String) {
        let user = world.processes.first { process in
            (process.data == path || process.data.hasPrefix(path + "/"))
                && (process.lock != nil || process.parent > 0)
        }
        guard let user else { return }
        report(Self.used, "\(path) is moved, and process \(user.id) uses \(user.data)")
    }

    /// Who belongs to the cluster, as whoever runs knows it, else as the newest log on disk.
    private func membership() -> (clusterID: UInt64, Roster)? {
        let own = world.processes.filter { $0.parent > 0 }.compactMap(\.replica)
        if let newest = own.filter(isOfNewest).max(by: { $0.commit < $1.commit }) {
            return (newest.clusterID, newest.roster)
        }
        guard let record = world.record, let newest = newestLog(record) else { return nil }
        return (newest.clusterID, newest.story.roster)
    }

    /// The newest of the voters' logs, where a majority of them can be read.
    private func newestLog(_ record: ClusterRecord) -> Replica.Log? {
        let voters = record.members.filter(\.isVoter)
        let logs = voters.compactMap { member in
            try? Replica.Log("\(world.membersFolder)/\(member.name)/data", on: world.disk)
        }
        .filter { String($0.clusterID, radix: 16) == record.clusterID }
        guard logs.count > voters.count / 2 else { return nil }
        return logs.max { ($0.lastTerm, $0.lastIndex) < ($1.lastTerm, $1.lastIndex) }
    }

    func removes(_ path: String) {
        guard path.hasSuffix(".wal"), path.hasPrefix(world.root), !path.contains("/recovery/"),
            !isOfSeed(path)
        else { return }
        report(Self.deletion, path)
    }

    /// An attempt to build the first member of a new cluster was cut off: nothing has run in it.
    private func isOfSeed(_ path: String) -> Bool {
        guard let record = world.record, let source = record.recovery?.source,
            let seed = record.seed(of: source)?.member, record.member(seed.name) == nil
        else { return false }
        return path.hasPrefix("\(world.membersFolder)/\(seed.name)/")
    }

    /// A new cluster takes the place of the old one.
    func restores(_ puts: [Command], clusterID: UInt64) {
        if !clusters.contains(clusterID) { clusters.append(clusterID) }
        // Who had just begun to fail is gone, and nobody else knows.
        victims = [:]
        guard let record = world.record else { return }
        var stories: [Replica.Story] = []
        var voters = 0
        for member in record.members {
            let data = "\(world.membersFolder)/\(member.name)/data"
            guard let log = try? Replica.Log(data, on: world.disk) else { continue }
            stories.append(log.story)
            if record.voters.contains(member) { voters += 1 }
        }
        if voters > record.voters.count / 2 {
            report(Self.haste, "\(voters) of \(record.voters.count) have their data")
        }
        var kept: Set<String> = []
        for case .put(let key, _) in puts { kept.insert(key) }
        for key in acknowledged.keys.sorted() where !kept.contains(key) {
            if stories.contains(where: { $0.store[key] != nil }) {
                report(Self.loss, "\(key) is known to a survivor and does not get into the seed")
            }
            acknowledged[key] = nil
            world.stage.count(.writeForgiven)
        }
    }

    // MARK: - In the end

    func checkEnd(_ replicas: [Replica], _ record: ClusterRecord) {
        for replica in replicas { check(replica.story, of: replica.data) }
        let planned = record.nextOrdinal - first
        let limit = planned + world.removedByOthers
        if learners > limit {
            report(Self.repetition, "\(learners) learners were added for \(planned) planned ones")
        }
    }

    /// Where the cluster waits for somebody who decides, what he decides about is all there.
    func checkLogs(_ record: ClusterRecord) {
        if let newest = newestLog(record) { check(newest.story, of: "the newest log") }
    }

    private func check(_ story: Replica.Story, of whom: String) {
        let missing = acknowledged.filter { story.store[$0.key] != $0.value }.keys.sorted()
        guard let first = missing.first else { return }
        report(Self.end, "\(missing.count) writes such as \(first) are missing from \(whom)")
    }
}
