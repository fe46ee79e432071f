import Chance
import Keyspace
import Member
import Storage

/// A run of a world of members.
final class MemberSimulation {
    private let options: Options
    private let world: World
    private let saboteur: Saboteur
    private let workload: Workload
    private var generator: Generator

    init(_ seed: Seed, _ options: Options, _ trace: Trace) {
        self.options = options
        generator = seed.generator(for: 4)
        do {
            world = try World(seed, options.world, trace: trace)
        } catch {
            fatalError("the world cannot begin: \(error)")
        }
        world.stage.ignored = options.ignored
        saboteur = Saboteur(world, options.faults, downtime: options.downtime)
        workload = Workload(world, options)
        if options.faults[.reconfiguration] > 0 { world.administrator = Administrator(world) }
    }

    func run() -> Report {
        world.processEnded = { [unowned self] in saboteur.processEnded($0) }
        world.memberRemoved = { [unowned self] index in
            world.stage.plan(in: 1_000_000) { [unowned self] in
                if !world.machines[index].isGone { world.removeMachine(index) }
            }
        }
        for index in world.machines.indices { world.restart(index) }
        workload.start()
        saboteur.start()
        phase("faults for \(options.duration) ms")
        _ = world.run(atMost: options.duration) { isViolated }
        if !isViolated { checkLiveness() }
        if !isViolated { checkConvergence() }
        return Report(world.stage, operations: world.history.answerCount)
    }

    /// A tenth of a second or so; a history that needs more has too many open ends to tell much.
    private static let linearizabilitySteps = 100_000

    private var isViolated: Bool { !world.stage.violations.isEmpty }

    private func phase(_ text: String) {
        world.stage.note(.phase, -1) { "--- \(text)" }
    }

    /// Long enough for many elections, by the slowest clock, and for the slowest disk.
    private var patience: Int {
        30 * 2 * 10 * options.world.tick * 2 + 20_000
    }

    private func checkLiveness() {
        saboteur.stop()
        world.ambush = nil
        let core = chooseCore()
        phase("faults end for \(core.map { world.machines[$0].name }.joined(separator: " "))")
        world.stage.network.calm()
        world.healNetwork()
        for index in world.machines.indices {
            core.contains(index) ? heal(index) : leaveOut(index, core)
        }
        var probe = World.Answer<Int64>()
        var next = 0
        let isAlive = world.run(atMost: patience) {
            if isViolated || probe.isSuccess { return true }
            if world.now >= next, let index = core.first(where: { _ in generator.chance(0.4) }) {
                next = world.now + 500
                if world.isRunning(index) {
                    probe = world.put("probe", "\(world.stage.now)", on: index)
                }
            }
            return false
        }
        if !isAlive {
            world.stage.report("progress after the faults", "no write within \(patience) ms")
        }
    }

    private func chooseCore() -> [Int] {
        var voters = world.machines.indices.filter { index in
            let id = world.machines[index].id
            return world.knownMembership.voters.contains { $0.id == id }
                && !world.machines[index].isGone && !world.machines[index].isRotten
        }
        let majority = world.knownMembership.voters.count / 2 + 1
        generator.shuffle(&voters)
        if needsEverybody || voters.count <= majority { return voters.sorted() }
        let size = generator.within(majority...voters.count)
        return voters.prefix(size).sorted()
    }

    /// A change of members that is under way could make any of them indispensable.
    private var needsEverybody: Bool { world.administrator != nil }

    private func heal(_ index: Int) {
        let machine = world.machines[index]
        world.stage.resume(index)
        world.stage.healDisk(index)
        if machine.disk.isCrashed { world.crash(index, tear: .sectors) }
        machine.disk.heal()
        machine.rows.failures = []
        world.restart(index)
    }

    /// Whoever is not of the core can be anything, but it cannot come between.
    private func leaveOut(_ index: Int, _ core: [Int]) {
        if needsEverybody { return heal(index) }
        switch generator.below(4) {
        case 0: if world.isRunning(index) { world.crash(index) }
        case 1: world.stage.pause(index, for: patience * 1_000)
        case 2: for other in core { world.cut(index, other) }
        default:
            for other in core {
                world.cut(index, other)
                world.cut(other, index)
            }
        }
    }

    /// Nobody renews any lease: each must end in time, on every member.
    private func checkLeases() {
        phase("leases end")
        let quiet = world.stage.now
        let bound = world.leaseBound(ttl: Holder.longestTTL)
        while let first = world.leases.living.first {
            let start = max(quiet, world.lastPromotion)
            let end = start / 1_000 + bound
            guard world.now < end else {
                return world.stage.report(
                    LeaseChecker.lateName,
                    "\(first) was not ended \(bound) ms after \(start) µs"
                )
            }
            world.run(atMost: end - world.now) { world.leases.living.isEmpty || isViolated }
            if isViolated { return }
        }
        if world.isAlike { return }
        if !world.converges(within: patience), !isViolated {
            world.stage.report("convergence", "not again after leases: \(world.summary)")
        }
    }

    /// Who watches is told everything in the end.
    private func checkWatches() {
        phase("observers hear the rest")
        let hasAll = world.run(atMost: 20_000) { workload.haveObserversSeenAll || isViolated }
        if !hasAll { world.stage.report(workload.checkObservers()) }
    }

    private func checkConvergence() {
        phase("everything heals")
        workload.stop()
        for index in world.machines.indices { heal(index) }
        let isQuiet = world.converges(within: patience)
        if !isQuiet, !isViolated {
            world.stage.report("convergence", "not within \(patience) ms: \(world.summary)")
        }
        if !isViolated { checkLeases() }
        if !isViolated { checkWatches() }
        world.history.abandonAll()
        if isViolated { return }
        let operations = world.finalOperations
        let verdict = LinearizabilityChecker.verdict(
            on: operations,
            by: .revisions,
            steps: Self.linearizabilitySteps
        )
        switch verdict {
        case .linearizable: break
        case .violation(let violation): world.stage.report(violation)
        case .undecided(let reason): phase("no verdict on linearizability: \(reason)")
        }
    }
}
