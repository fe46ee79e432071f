import EtcdProto
import Keyspace
import Member
import Raft
import Storage
import TestKit
import Testing

/// A cluster of real members on simulated machines, network and time. One seed decides everything,
/// so a run can be repeated exactly.
///
/// What must always hold is checked while it runs; a breach ends up in `violations`:
/// at most one leader in a term; no backend ahead of its own log; no stale read and no write
/// before one that was acknowledged (`History`); nothing acknowledged is lost.
final class World {
    private enum Event {
        case deliver([UInt8], to: Int)
        case tick(Int, run: Int)
        case synced(Int, run: Int)
        case committed(Int, run: Int, WriteBatch)
        case backendDue(Int, run: Int)
        case turn(Int, run: Int)
        case custom(() -> Void)
    }

    let options: WorldOptions
    private(set) var machines: [Machine]
    let clusterID: ClusterID
    let history = History()
    var generator: Generator
    private(set) var violations: [String] = []
    /// The machines whose members have said that they serve, once for each run.
    private(set) var readyMembers: [Int] = []
    /// The members that have learned of their removal.
    private(set) var removedMembers: [MemberID] = []

    private var events = Events<Event>()
    private var pendingTurns: Set<Int> = []
    private var removed: Set<Int> = []
    /// Pairs that cannot hear each other, as `from * 16 + to`.
    private var cuts: Set<Int> = []
    private var leaders: [Term: MemberID] = [:]
    /// Messages for which this says true are lost.
    var drops: ((Message) -> Bool)?

    init(_ seed: Seed, _ options: WorldOptions) throws {
        self.options = options
        generator = seed.generator()
        let names = (1...options.members).map { "n\($0)" }
        let cluster = try InitialCluster(
            parsing: names.map { "\($0)=http://\($0):2380" }.joined(separator: ","),
            token: "world"
        )
        clusterID = cluster.clusterID
        machines = names.compactMap { name in
            cluster.member(named: name).map { member in
                let first = Startup.First.bootstrap(cluster, member: member.id)
                return Machine(name, member.id, first, options)
            }
        }
    }

    convenience init(members: Int = 3, seed: UInt64 = 1) throws {
        var options = WorldOptions()
        options.members = members
        try self.init(Seed(seed), options)
    }

    var now: Int { events.now }

    /// Lets this much time pass.
    func run(milliseconds: Int) throws {
        try run(atMost: milliseconds) { false }
    }

    /// Lets time pass until the condition holds; false when it did not in time.
    @discardableResult
    func run(atMost milliseconds: Int, until condition: () -> Bool) throws -> Bool {
        var isOver = false
        events.plan(.custom { isOver = true }, in: milliseconds)
        while !isOver {
            if condition() { return true }
            guard let event = events.next() else { return false }
            try handle(event)
        }
        return condition()
    }

    func plan(in delay: Int, _ action: @escaping () -> Void) {
        events.plan(.custom(action), in: delay)
    }

    func report(_ violation: String) {
        violations.append("at \(now) ms: \(violation)")
    }

    private func handle(_ event: Event) throws {
        switch event {
        case .custom(let action):
            action()
        case .deliver(let bytes, let to):
            guard let member = machines[to].member else { return }
            member.receive(try Message(decoding: bytes))
            wake(to)
        case .tick(let index, let run):
            guard let member = running(index, run) else { return }
            member.tick()
            wake(index)
            events.plan(.tick(index, run: run), in: options.tick)
        case .synced(let index, let run):
            guard let member = running(index, run) else { return }
            if options.bug == .skipsSync { return }
            if let number = try machines[index].sync() { member.logged(number) }
            machines[index].isSyncing = false
            startSync(index)
            wake(index)
        case .committed(let index, let run, let batch):
            guard let member = running(index, run) else { return }
            check(batch, on: machines[index])
            try machines[index].backend.commit(batch)
            member.committed(batch.number)
            wake(index)
        case .backendDue(let index, let run):
            guard running(index, run) != nil else { return }
            machines[index].isBackendDue = true
            wake(index)
            events.plan(.backendDue(index, run: run), in: options.backendInterval)
        case .turn(let index, let run):
            guard let member = running(index, run) else { return }
            pendingTurns.remove(index)
            try turn(member, index)
        }
    }

    private func running(_ index: Int, _ run: Int) -> Member? {
        machines[index].run == run ? machines[index].member : nil
    }
}

// MARK: - Members
extension World {
    func start(_ index: Int) throws {
        let machine = machines[index]
        try machine.start(at: now)
        pendingTurns.remove(index)
        let offset = generator.below(options.tick) + 1
        events.plan(.tick(index, run: machine.run), in: offset)
        events.plan(.backendDue(index, run: machine.run), in: options.backendInterval)
        wake(index)
        for other in machines.indices where other != index {
            guard machines[other].member != nil, !isCut(index, other) else { continue }
            connect(index, other)
        }
    }

    /// A new machine for a member that the cluster has been told of; gives its position.
    func addMachine(_ name: String, _ id: MemberID) -> Int {
        machines.append(Machine(name, id, .join(clusterID, member: id), options))
        return machines.count - 1
    }

    /// Takes a machine away for good.
    func removeMachine(_ index: Int) {
        crash(index)
        removed.insert(index)
    }

    func startAll() throws {
        for index in machines.indices
        where machines[index].member == nil && !removed.contains(index) {
            try start(index)
        }
    }

    private func connect(_ left: Int, _ right: Int) {
        let version = MemberConfiguration.announced
        for (here, there) in [(left, right), (right, left)] {
            machines[here].member?.peerConnected(machines[there].id)
            machines[here].member?.reportVersion(version, of: machines[there].id)
        }
    }

    func crash(_ index: Int, tear: MemoryDisk.Tear = .everything) {
        machines[index].crash(tear, seed: generator.next())
        for other in machines.indices where other != index {
            machines[other].member?.peerDisconnected(machines[index].id)
        }
    }

    func wake(_ index: Int) {
        guard machines[index].member != nil, pendingTurns.insert(index).inserted else { return }
        events.plan(.turn(index, run: machines[index].run), in: 0)
    }

    private func turn(_ member: Member, _ index: Int) throws {
        let machine = machines[index]
        let turn = member.turn(backendDue: machine.isBackendDue)
        machine.isBackendDue = false
        if let log = turn.log {
            try machine.write(log.number, log.batch)
            if options.bug == .skipsSync {
                member.logged(log.number)
                wake(index)
            }
            startSync(index)
        }
        for message in turn.messages { send(message, from: index) }
        if let batch = turn.backend {
            let delay = generator.within(options.backendDelay)
            events.plan(.committed(index, run: machine.run, batch), in: delay)
        }
        if let release = turn.releaseLogBefore {
            if machine.hasUnsynced { _ = try machine.sync().map(member.logged) }
            try machine.wal?.release(before: release)
        }
        if turn.becameReady { readyMembers.append(index) }
        if turn.removedSelf { removedMembers.append(machine.id) }
        if turn.hasMore { wake(index) }
        check(member)
    }

    private func startSync(_ index: Int) {
        guard machines[index].hasUnsynced, !machines[index].isSyncing else { return }
        machines[index].isSyncing = true
        let delay = generator.within(options.syncDelay)
        events.plan(.synced(index, run: machines[index].run), in: delay)
    }

    /// The machine whose member leads with the highest term.
    var leader: Int? {
        let leading = machines.indices.filter { machines[$0].member?.isLeader == true }
        return leading.max { left, right in
            machines[left].term < machines[right].term
        }
    }
}

extension Machine {
    var term: Term { member?.term ?? .zero }
}

extension MemberConfiguration {
    /// What simulated members say about themselves.
    static let announced = ServerVersion(major: 3, minor: 6, patch: 0)
}

// MARK: - Network
extension World {
    private func send(_ message: Message, from index: Int) {
        guard let to = machines.firstIndex(where: { $0.id.node == message.to }) else { return }
        if isCut(index, to) || drops?(message) == true || generator.chance(options.loss) { return }
        let bytes = message.encoded()
        let copies = generator.chance(options.duplication) ? 2 : 1
        for _ in 0..<copies {
            events.plan(.deliver(bytes, to: to), in: generator.within(options.messageDelay))
        }
    }

    private func isCut(_ from: Int, _ to: Int) -> Bool {
        cuts.contains(from * 16 + to)
    }

    /// Splits the network: nobody of one side hears anybody of the other.
    func partition(_ side: [Int]) {
        for left in machines.indices where side.contains(left) {
            for right in machines.indices where !side.contains(right) {
                cuts.insert(left * 16 + right)
                cuts.insert(right * 16 + left)
                machines[left].member?.peerDisconnected(machines[right].id)
                machines[right].member?.peerDisconnected(machines[left].id)
            }
        }
    }

    func healNetwork() {
        cuts = []
        for left in machines.indices {
            for right in machines.indices where right > left { connect(left, right) }
        }
    }
}

// MARK: - Checks
extension World {
    private func check(_ member: Member) {
        guard member.isLeader else { return }
        if let other = leaders[member.term], other != member.memberID {
            report("two leaders in term \(member.term): \(other) and \(member.memberID)")
        }
        leaders[member.term] = member.memberID
    }

    /// A batch goes into the backend only when its entries are durable in the log.
    private func check(_ batch: WriteBatch, on machine: Machine) {
        if options.bug == .skipsSync { return }
        for write in batch.writes where write.key == MetaKey.consistentIndex {
            let index = (write.value ?? []).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            if index > machine.syncedIndex.rawValue {
                report("\(machine.name): backend at \(index), log at \(machine.syncedIndex)")
            }
        }
    }

    /// Stops all faults, and checks what must be true once all is quiet: every member has applied
    /// the same, holds the same, and nothing acknowledged is missing. False when it never got
    /// quiet.
    func converges(within milliseconds: Int) throws -> Bool {
        drops = nil
        healNetwork()
        try startAll()
        // A new leader knows what is committed only when an entry of its own term is.
        let end = now + milliseconds
        var barrier = Answer<Int64>()
        while !barrier.isSuccess, now < end {
            try run(atMost: end - now) { [self] in leader != nil }
            if let leader { barrier = put("barrier", "\(now)", on: leader) }
            try run(atMost: end - now) { barrier.result != nil }
        }
        let isQuiet = try run(atMost: max(1, end - now)) { [self] in
            guard let leader, let member = machines[leader].member else { return false }
            return history.pending == 0
                && machines.indices.allSatisfy { index in
                    let machine = machines[index]
                    if removed.contains(index) { return true }
                    return machine.member?.appliedIndex == member.committedIndex
                        && machine.member?.leader == member.memberID
                }
        }
        guard isQuiet else { return false }
        compareMembers()
        return true
    }

    private func compareMembers() {
        let members = machines.compactMap(\.member)
        let hashes = members.compactMap { try? $0.keyspace.hashKV(at: 0).hash }
        if hashes.count != members.count || Set(hashes).count > 1 {
            report("members differ: hashes \(hashes)")
        }
        if Set(members.map(\.membership)).count > 1 { report("memberships differ") }
        for member in members {
            history.checkAcknowledged(in: member).forEach(report)
        }
    }
}
