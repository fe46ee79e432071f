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
    private var learners = 0
    /// Writes of which no survivor knew.
    private(set) var forgiven = 0

    static let loss = "no acknowledged write is lost"
    static let beginning = "no member begins anew (11)"
    static let twins = "never two clusters from one (4, 11)"
    static let quorum = "never below quorum by our own hand (13, 16)"
    static let single = "one disruptive step at a time (13)"
    static let needed = "nothing that is needed is put away (12)"
    static let deletion = "no log is ever deleted"
    static let haste = "no recovery while a majority has its data (5)"
    static let obedience = "what was ordered down stays down (14)"
    static let repetition = "no step is repeated with effect (17)"
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
        if clusters.isEmpty { first = count }
        if !clusters.isEmpty {
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

    // MARK: - What the operator does

    func starts(_ data: String, _ arguments: [String]) {
        guard let record = world.record, record.desired != .up else { return }
        report(Self.obedience, "\(data) is started although the cluster is \(record.desired)")
    }

    /// A running process is asked to end.
    func stops(_ process: SimulatedProcess, _ run: OperatorRun) {
        guard let replica = process.active, let record = world.record, record.desired == .up,
            record.accepted.spec.replicas > 0, record.recovery == nil,
            let voters = world.leader(of: replica)?.roster.voters,
            voters.contains(where: { $0.id == replica.id })
        else { return }
        disrupts(replica.id, run, leaving: voters.map(\.id))
    }

    func removes(_ member: Roster.Member, from leader: Replica, _ run: OperatorRun) {
        guard !member.isLearner else { return }
        let rest = leader.roster.voters.map(\.id).filter { $0 != member.id }
        disrupts(member.id, run, leaving: rest)
    }

    /// What the members said in the same pass is what the operator can know.
    private func disrupts(_ id: UInt64, _ run: OperatorRun, leaving voters: [UInt64]) {
        run.disruptions += 1
        let name = String(id, radix: 16)
        if run.disruptions > 1 {
            report(Self.single, "\(name) is taken away, the second in one pass")
        }
        let serving = voters.count { other in
            other != id && run.said.contains(String(other, radix: 16))
        }
        // Where nobody serves there is nothing to take away.
        if serving < voters.count / 2 + 1, !run.isLeaderless {
            let what = "\(serving) of \(voters.count) would serve"
            report(Self.quorum, "without \(name) only \(what)")
        }
    }

    func adds() { learners += 1 }

    func moves(_ from: String, to: String) {
        let folder = world.membersFolder + "/"
        guard from.hasPrefix(folder), !from.dropFirst(folder.count).contains("/"),
            to.contains("/trash/"),
            let contents = try? WAL.read(on: world.disk, directory: Replica.folder(from + "/data"))
        else { return }
        let own = world.processes.filter { $0.parent > 0 }.compactMap(\.replica)
        let newest = own.filter { $0.clusterID == clusters.last }.max { $0.commit < $1.commit }
        guard let newest, let owner = Replica.owner(contents.metadata),
            owner.cluster == newest.clusterID, newest.roster.member(owner.member) != nil
        else { return }
        report(Self.needed, "\(from) goes to \(to), and it belongs to a member")
    }

    func removes(_ path: String) {
        guard path.hasSuffix(".wal"), path.hasPrefix(world.root), !path.contains("/recovery/")
        else { return }
        report(Self.deletion, path)
    }

    /// A new cluster takes the place of the old one.
    func restores(_ puts: [Command], clusterID: UInt64) {
        if !clusters.contains(clusterID) { clusters.append(clusterID) }
        guard let record = world.record else { return }
        var stories: [Replica.Story] = []
        var voters = 0
        for member in record.members {
            let data = "\(world.membersFolder)/\(member.name)/data"
            guard let story = try? Replica.story(of: data, on: world.disk) else { continue }
            stories.append(story)
            if member.isVoter { voters += 1 }
        }
        if voters > record.members.count(where: \.isVoter) / 2 {
            report(Self.haste, "\(voters) of \(record.members.count) have their data")
        }
        var kept: Set<String> = []
        for case .put(let key, _) in puts { kept.insert(key) }
        for key in acknowledged.keys.sorted() where !kept.contains(key) {
            if stories.contains(where: { $0.store[key] != nil }) {
                report(Self.loss, "\(key) is known to a survivor and does not get into the seed")
            }
            acknowledged[key] = nil
            forgiven += 1
        }
    }

    // MARK: - In the end

    func checkEnd(_ replicas: [Replica], _ record: ClusterRecord) {
        for replica in replicas {
            for (key, value) in acknowledged.sorted(by: { $0.key < $1.key })
            where replica.story.store[key] != value {
                report(Self.loss, "\(key) is missing from \(replica.data)")
                return
            }
        }
        let planned = record.nextOrdinal - first
        let limit = planned + world.removedByOthers
        if learners > limit {
            report(Self.repetition, "\(learners) learners were added for \(planned) planned ones")
        }
    }
}
