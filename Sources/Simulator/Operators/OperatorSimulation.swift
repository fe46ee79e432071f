import Chance
import ClusterAPI
import Planning

/// A run of a world of the operator: faults for a while; then nothing new goes wrong, and the
/// cluster must come to what is declared.
final class OperatorSimulation {
    private let options: Options
    private let world: OperatorWorld
    private let mischief: OperatorMischief
    private var clients: Generator
    private var writes = 0

    init(_ seed: Seed, _ options: Options, _ trace: Trace) {
        self.options = options
        world = OperatorWorld(seed, options.operators, trace: trace)
        world.stage.ignored = options.ignored
        mischief = OperatorMischief(world, options.faults)
        clients = seed.generator(for: 5)
    }

    func run() -> Report {
        world.declare(options.operators.spec(replicas: options.operators.replicas))
        world.delays = 1_000...options.operators.slowest
        world.beginBeating()
        world.startOperator()
        write()
        mischief.start()
        phase("faults for \(options.duration) ms")
        world.run(atMost: options.duration * 1_000) { isViolated }
        if !isViolated { checkConvergence() }
        world.close()
        return Report(world.stage, operations: writes)
    }

    private var isViolated: Bool { !world.stage.violations.isEmpty }

    private func phase(_ text: String) {
        world.stage.note(.phase, -1) { "--- \(text)" }
    }

    /// A client that writes a key of its own, now and then.
    private func write() {
        world.stage.plan(in: clients.within(100_000...10_000_000)) { [unowned self] in
            let replicas = world.processes.compactMap(\.active)
            if !replicas.isEmpty, world.alarms.isEmpty,
                let leader = world.leader(of: clients.pick(replicas)), world.confirms(leader)
            {
                writes += 1
                let key = "k\(writes)"
                if world.propose(.put(key: key, value: "v\(writes)"), to: leader) {
                    world.checker.acknowledges(key, "v\(writes)", in: leader.clusterID)
                }
            }
            write()
        }
    }

    /// A cluster gets one replacement an hour.
    private static let patience = 10 * 3_600 * 1_000_000
    /// Where nobody wants to know whether it comes to an end.
    private static let impatience = 600 * 1_000_000

    private func checkConvergence() {
        phase("nothing goes wrong any more")
        mischief.stop()
        var next = 0
        let matters = !options.ignored.contains(OperatorChecker.convergence)
        let hasSettled = world.run(atMost: matters ? Self.patience : Self.impatience) {
            if isViolated { return true }
            guard world.stage.now >= next else { return false }
            next = world.stage.now + 5_000_000
            return unsettled == nil || isOver
        }
        if isViolated { return }
        if isOver {
            if let record = world.record { world.checker.checkLogs(record) }
            return
        }
        guard hasSettled, let record = world.record else {
            let status = world.status
            let plan = status?.plan.map { "\($0)" } ?? "no plan"
            let members = status?.members.map { "\($0.name) \($0.health)" } ?? []
            return world.stage.report(
                OperatorChecker.convergence,
                "not within \(Self.patience / 1_000_000) s (\(unsettled ?? "")): "
                    + "\(status?.phase ?? "?"), \(plan), " + members.joined(separator: ", ")
            )
        }
        world.checker.checkEnd(world.processes.compactMap(\.active), record)
    }

    /// How it is not as declared; nil: all is well.
    private var unsettled: String? {
        let replicas = world.processes.compactMap(\.active)
        guard replicas.count == mischief.replicas else { return "\(replicas.count) members run" }
        guard let leader = replicas.first(where: \.isLeader), world.confirms(leader) else {
            return "nobody leads"
        }
        guard let record = world.record, record.phase == .bootstrapped, record.recovery == nil,
            world.status?.phase == "Running"
        else { return "the operator is not at rest" }
        guard record.rollout == nil,
            world.processes.allSatisfy({ mischief.settings.isIn($0.flags) })
        else { return "the members are not launched as declared" }
        let names = Set(leader.roster.voters.map { String($0.id, radix: 16) })
        guard record.members.allSatisfy(\.isVoter), names == Set(record.members.compactMap(\.id)),
            leader.roster.members.count == mischief.replicas
        else { return "the members are not those of the record" }
        guard leader.commit == leader.lastIndex,
            replicas.allSatisfy({ replica in
                replica.clusterID == leader.clusterID && replica.applied == leader.applied
            })
        else { return "not all have everything" }
        // Who differs is found out by a majority that agrees, as long as there is one.
        let isTold = world.rottenCount * 2 < replicas.count
        return isTold && replicas.contains(where: \.isRotten) ? "somebody differs" : nil
    }

    /// Nothing is left that a cluster could be made of, and the operator says so.
    private var isOver: Bool {
        guard let word = world.status?.plan?.blockedBy else { return false }
        return switch word {
        case "EverythingLost": world.intactVoters == 0
        // A bit turned where too few were left to say who is right.
        case "DataDiverged": world.rottenCount * 2 >= world.intactVoters
        // It was cut off before anything was written, or acknowledged.
        case "BootstrapRefused":
            world.checker.count == 0 && world.record?.phase ?? .planned < .bootstrapped
        default: false
        }
    }
}
