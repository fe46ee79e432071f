package import Chance
package import EtcdProto
import Member
package import Raft

/// A cluster of real members on simulated machines, network and time. One seed decides everything,
/// so a run can be repeated exactly.
///
/// Everything of a member is what the shipped program runs, but for its ports: disk, backend and
/// transport are simulated, and the shell around it (`MemberLoop`) is this. What must always hold
/// is checked while it runs; a breach ends up in `violations`.
///
/// Where to read on: `+Processes` (a member's life), `+Network`, `+Clients`, `+Checks`; who
/// disturbs it is `Saboteur`, who uses it `Workload` and `Administrator`.
package final class World {
    package let stage: Stage
    package let options: WorldOptions
    package internal(set) var machines: [Machine] = []
    package let clusterID: ClusterID
    package let history = History()
    /// The machines whose members have said that they serve, once for each run.
    package internal(set) var readyMembers: [Int] = []
    /// The members that have learned of their removal.
    package internal(set) var removedMembers: [MemberID] = []
    /// Messages for which this says true are lost.
    package var drops: ((Message) -> Bool)?
    /// Somebody who starts ended processes again.
    var processEnded: ((Int) -> Void)?
    /// Somebody who takes away the machines of removed members.
    var memberRemoved: ((Int) -> Void)?

    /// Who changes the members, if anybody does.
    var administrator: Administrator?
    /// As of the newest index that anybody has applied.
    var knownMembership: Membership

    var pendingTurns: [Bool] = []
    /// Snapshots on their way.
    var transfers: [Transfer] = []
    var ambush: Ambush?
    var clockGenerator: Generator
    /// Of what happens to watches on a member.
    var watchGenerator: Generator
    private var nextLeaseCall: UInt64 = 0

    // Checkers.
    var leaders = LeaderChecker()
    var committed = CommittedLogChecker()
    var matching = LogMatchingChecker()
    var applied = AppliedStateChecker(interval: 128)
    var appliedOnce = AppliedOnceChecker()
    var memberships = MembershipChecker()
    var chronicle: Chronicle
    var leases = LeaseChecker()
    /// When a leader last came to decide about leases.
    var lastPromotion = 0

    package init(_ seed: Seed, _ options: WorldOptions, trace: Trace = Trace()) throws {
        self.options = options
        stage = Stage(seed, options.network, trace)
        clockGenerator = seed.generator(for: 3)
        watchGenerator = seed.generator(for: 6)
        chronicle = try Chronicle()
        let names = (1...options.members).map { "n\($0)" }
        let cluster = try InitialCluster(
            parsing: names.map { "\($0)=http://\($0):2380" }.joined(separator: ","),
            token: Self.token
        )
        clusterID = cluster.clusterID
        knownMembership = Membership(members: cluster.members)
        for name in names {
            guard let member = cluster.member(named: name) else { continue }
            let first = Startup.First.bootstrap(cluster, member: member.id)
            add(Machine(name, member.id, first, options))
        }
    }

    package convenience init(members: Int = 3, seed: UInt64 = 1) throws {
        var options = WorldOptions()
        options.members = members
        try self.init(Seed(seed), options)
    }

    static let token = "world"

    /// A new machine for a member that the cluster has been told of; gives its position.
    package func addMachine(_ name: String, _ id: MemberID) -> Int {
        add(Machine(name, id, .join(clusterID, member: id), options))
        return machines.count - 1
    }

    private func add(_ machine: Machine) {
        let clock =
            machines.count < options.clocks.count ? options.clocks[machines.count] : 1_000
        machines.append(machine)
        pendingTurns.append(false)
        stage.addMachine(clock: clock)
    }

    /// The length of the shortest second that any machine has, in thousandths of a true one.
    var fastestClock: Int {
        machines.indices.map { stage.clock(of: $0) }.min() ?? 1_000
    }

    /// A number for a client's command about leases.
    func nextLeaseRequest() -> UInt64 {
        nextLeaseCall += 1
        return 0x0102 << 48 | nextLeaseCall
    }

    /// Whether a command of the log is a client's about leases.
    static func isLeaseRequest(_ id: UInt64) -> Bool {
        id >> 48 == 0x0102
    }

    /// Milliseconds since the world began.
    package var now: Int { stage.now / 1_000 }

    package var violations: [Violation] { stage.violations }

    func report(_ violation: Violation?) {
        stage.report(violation)
    }

    /// Lets this much time pass.
    package func run(milliseconds: Int) {
        _ = stage.run(atMost: milliseconds * 1_000) { false }
    }

    /// Lets time pass until the condition holds; false when it did not in time.
    @discardableResult
    package func run(atMost milliseconds: Int, until condition: () -> Bool) -> Bool {
        stage.run(atMost: milliseconds * 1_000, until: condition)
    }

    /// The machine whose member leads with the highest term.
    package var leader: Int? {
        var found: (index: Int, term: Term)?
        for (index, machine) in machines.enumerated() {
            guard let member = machine.member, member.isLeader else { continue }
            if found.map({ $0.term < member.term }) ?? true { found = (index, member.term) }
        }
        return found?.index
    }
}

extension MemberConfiguration {
    /// What simulated members say about themselves.
    static let announced = ServerVersion(major: 3, minor: 6, patch: 0)
}
