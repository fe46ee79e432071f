import Chance
import Raft
import Storage

/// A run of a world of bare consensus.
final class CoreSimulation {
    private let options: Options
    private let world: CoreWorld
    private let saboteur: Saboteur
    private var generator: Generator
    private var clients: Generator
    private var proposals: UInt64 = 0
    private var isStopped = false
    private var removedLeader: (index: Int, since: Int)?

    init(_ seed: Seed, _ options: Options, _ trace: Trace) {
        self.options = options
        generator = seed.generator(for: 4)
        clients = seed.generator(for: 5)
        world = CoreWorld(seed, options, trace)
        world.stage.ignored = options.ignored
        saboteur = Saboteur(world, options.faults, downtime: options.downtime)
    }

    func run() -> Report {
        world.processEnded = { [unowned self] in saboteur.processEnded($0) }
        for index in world.machines.indices { world.restart(index) }
        for _ in 0..<options.clients { ask() }
        saboteur.start()
        phase("faults for \(options.duration) ms")
        _ = world.stage.run(atMost: options.duration * 1_000) { isViolated }
        saboteur.stop()
        if !isViolated { checkLiveness() }
        if !isViolated { checkConvergence() }
        return Report(world.stage, operations: Int(proposals) + world.readCount)
    }

    private var isViolated: Bool { !world.stage.violations.isEmpty }

    private func phase(_ text: String) {
        world.stage.note(.phase, -1) { "--- \(text)" }
    }

    private var patience: Int { 30 * 2 * 10 * options.world.tick * 2 + 20_000 }

    /// A client that proposes or reads, now and then.
    private func ask() {
        let pause = clients.below(options.thinking * 1_000 + 1)
        world.stage.plan(in: pause) { [unowned self] in
            if isStopped { return }
            let index = clients.below(world.machines.count)
            if clients.chance(0.6) { propose(on: index) } else { world.read(on: index) }
            ask()
        }
    }

    private func propose(on index: Int) {
        // Who proposes more than is applied only makes the log longer.
        let leader = world.leader.map { world.machines[$0] } ?? world.machines[index]
        let end = leader.node?.lastLogIndex ?? .zero
        if end > world.committed.lastIndex + 100 { return }
        proposals += 1
        let padding = clients.pick([0, 0, 20, 100])
        let data = CoreMachine.bytes(proposals) + Array(repeating: 0, count: padding)
        world.propose(data, on: index)
    }

    // MARK: After the faults

    private func checkLiveness() {
        let core = chooseCore()
        phase("faults end for \(core.map { world.machines[$0].name }.joined(separator: " "))")
        world.stage.network.calm()
        world.stage.network.joinAll()
        for index in world.machines.indices {
            core.contains(index) ? heal(index) : leaveOut(index, core)
        }
        let start = world.committed.lastIndex
        let isAlive = progresses { [unowned self] in
            world.committed.entries.last?.term ?? .zero > .zero
                && world.committed.lastIndex >= start + 3
        }
        if !isAlive, !isViolated, isProgressPromised {
            world.stage.report("progress after the faults", "not within \(patience) ms")
        }
    }

    private func progresses(until condition: () -> Bool) -> Bool {
        var next = 0
        return world.stage.run(atMost: patience * 1_000) {
            if isViolated || condition() { return true }
            if world.stage.now >= next {
                next = world.stage.now + 300_000
                retireRemovedLeader()
                if let leader = world.leader {
                    if !world.leaveJoint(leader) { propose(on: leader) }
                }
            }
            return false
        }
    }

    /// A leader that has applied its own removal can propose nothing; it goes on leading until its
    /// owner ends it. The owner lets it do so for a while, so that others learn what is committed.
    private func retireRemovedLeader() {
        guard let leader = world.leader, !world.isInGroup(leader) else {
            removedLeader = nil
            return
        }
        guard let removed = removedLeader, removed.index == leader else {
            removedLeader = (leader, world.stage.now)
            return
        }
        guard world.stage.now - removed.since > 2_000_000 else { return }
        removedLeader = nil
        world.crash(leader, tear: .everything)
        world.restart(leader)
    }

    /// A leader that steps down as soon as it applies its own removal may leave the others unable
    /// to elect anybody: they do not know yet that it is removed and need its vote, and it does not
    /// give it, because its log goes on behind theirs. So etcd's algorithm is, and members do not
    /// use this option.
    private var isProgressPromised: Bool {
        !options.core.stepsDownOnRemoval || options.faults[.reconfiguration] == 0
    }

    private func chooseCore() -> [Int] {
        let all = Array(world.machines.indices)
        if options.faults[.reconfiguration] > 0 { return all }
        var voters = all.filter { world.knownConfState.voters.contains(world.machines[$0].id) }
        generator.shuffle(&voters)
        let size = generator.within((voters.count / 2 + 1)...voters.count)
        return voters.prefix(size).sorted()
    }

    private func heal(_ index: Int) {
        world.stage.resume(index)
        world.stage.healDisk(index)
        world.restart(index)
    }

    /// Whoever is not of the core is down or cut off. It may still hear, if it cannot disturb by
    /// new terms.
    private func leaveOut(_ index: Int, _ core: [Int]) {
        let isHarmless = options.core.preVote && options.core.checkQuorum
        switch generator.below(isHarmless ? 4 : 3) {
        case 0: if world.isRunning(index) { world.crash(index, tear: .nothing) }
        case 1: world.stage.pause(index, for: patience * 1_000)
        case 2:
            for other in core {
                world.cut(index, other)
                world.cut(other, index)
            }
        default: for other in core { world.cut(index, other) }
        }
    }

    private func checkConvergence() {
        phase("everything heals")
        isStopped = true
        world.stage.network.joinAll()
        for index in world.machines.indices { heal(index) }
        let isQuiet = progresses { [unowned self] in isConverged }
        if !isQuiet, !isViolated, isProgressPromised {
            world.stage.report("convergence", "not within \(patience) ms")
        }
    }

    /// Everybody whom the leader knows has applied almost all that is committed; a little is always
    /// on its way.
    private var isConverged: Bool {
        guard let leader = world.leader, let node = world.machines[leader].node else {
            return false
        }
        let configuration = node.status.configuration
        if configuration.voters.isJoint { return false }
        let members = configuration.voters.ids + configuration.learners.ids
        let last = world.committed.lastIndex
        return members.allSatisfy { id in
            let machine = world.machines[Int(id.rawValue) - 1]
            return machine.isRunning && machine.applied + 2 >= last
                && machine.node?.basicStatus.leader == node.id
        }
    }
}
