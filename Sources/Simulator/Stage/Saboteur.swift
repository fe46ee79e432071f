import Chance
import Storage

/// A world as the saboteur sees it: machines in which something can be broken.
protocol Sabotaged: AnyObject {
    var stage: Stage { get }
    var machineCount: Int { get }
    /// The machine that leads with the highest term.
    var leader: Int? { get }
    func isRunning(_ index: Int) -> Bool
    /// It will never run again.
    func isGone(_ index: Int) -> Bool
    func crash(_ index: Int, tear: MemoryDisk.Tear)
    func restart(_ index: Int)
    func cut(_ from: Int, _ to: Int)
    func join(_ from: Int, _ to: Int)
    /// Injects a fault that is this world's own; false when it cannot be now.
    func inject(_ fault: Fault, _ generator: inout Generator) -> Bool
}

/// Breaks machines, and whatever else a world offers, as the schedule says.
final class Saboteur {
    private unowned let world: any Sabotaged
    private lazy var schedule = FaultSchedule(world.stage, rates) { [unowned self] in
        inject($0, &$1)
    }
    private let rates: FaultRates
    /// How long an ended process stays down, in milliseconds.
    private let downtime: ClosedRange<Int>
    private var restarts: Generator

    init(_ world: any Sabotaged, _ rates: FaultRates, downtime: ClosedRange<Int>) {
        self.world = world
        self.rates = rates
        self.downtime = downtime
        restarts = world.stage.seed.generator(for: 99)
    }

    func start() { schedule.start() }

    /// Injects nothing any more. What it has broken for a time heals at its time.
    func stop() { schedule.stop() }

    /// A process has ended; it will be started again.
    func processEnded(_ index: Int) {
        let pause = restarts.within(downtime)
        world.stage.plan(in: pause * 1_000) { [unowned self] in
            if !schedule.isStopped { world.restart(index) }
        }
    }

    private func inject(_ fault: Fault, _ generator: inout Generator) -> Bool {
        switch fault {
        case .kill: end(&generator, tears: [.everything])
        case .powerLoss: end(&generator, tears: [.nothing, .sectors, .bytes])
        case .blackout: blackout(&generator)
        case .pause: pause(&generator)
        case .partition: partition(&generator, isOneWay: false)
        case .oneWayPartition: partition(&generator, isOneWay: true)
        case .isolation: isolate(&generator)
        case .flakyLink: flakyLink(&generator)
        case .slowDisk: slowDisk(&generator)
        case .operatorKill, .operatorCrash, .machinePowerLoss, .secondOperator, .lostFiles,
            .memberKill, .memberStop, .wipe, .damage, .rot, .lostMount, .unreadable, .fullVolume,
            .operatorCutOff, .memberCutOff, .wrongHealth, .lostAnswer, .slowAnswer, .clockJump,
            .ghost, .strangerPort, .outsideRemoval, .edit, .order, .fullStore, .swap, .deletion,
            .settings:
            // `OperatorMischief` does these.
            false
        case .powerLossInSync, .failedSync, .fullDisk, .failedCommit, .bitRot, .transfer,
            .forgetLeader, .reconfiguration, .compaction, .snapshotCrash:
            world.inject(fault, &generator)
        }
    }
}

// MARK: - Processes
extension Saboteur {
    private func running(_ generator: inout Generator) -> Int? {
        let running = (0..<world.machineCount).filter(world.isRunning)
        // The leader is the most rewarding victim.
        if let leader = world.leader, generator.chance(0.3) { return leader }
        return running.isEmpty ? nil : generator.pick(running)
    }

    private func end(_ generator: inout Generator, tears: [MemoryDisk.Tear]) -> Bool {
        guard let victim = running(&generator) else { return false }
        world.crash(victim, tear: generator.pick(tears))
        processEnded(victim)
        return true
    }

    private func blackout(_ generator: inout Generator) -> Bool {
        var hasHit = false
        for index in 0..<world.machineCount where world.isRunning(index) {
            world.crash(index, tear: generator.pick([.nothing, .sectors, .bytes]))
            processEnded(index)
            hasHit = true
        }
        return hasHit
    }

    private func pause(_ generator: inout Generator) -> Bool {
        guard let victim = running(&generator) else { return false }
        let pause = generator.within(generator.pick([5...100, 100...2_000, 2_000...8_000]))
        world.stage.pause(victim, for: pause * 1_000)
        world.stage.note(.fault, victim, 10, UInt64(pause)) { "stands still for \(pause) ms" }
        return true
    }

    private func slowDisk(_ generator: inout Generator) -> Bool {
        guard let victim = running(&generator) else { return false }
        let factor = generator.pick([10, 100])
        let time = generator.within(200...5_000)
        world.stage.slowDisk(victim, factor: factor, for: time * 1_000)
        world.stage.note(.fault, victim, 11, UInt64(factor)) {
            "its disk takes \(factor) times as long for \(time) ms"
        }
        return true
    }
}

// MARK: - Links
extension Saboteur {
    private func partition(_ generator: inout Generator, isOneWay: Bool) -> Bool {
        let all = Array(0..<world.machineCount)
        let part = generator.pick([0.2, 0.5])
        let side = all.filter { _ in generator.chance(part) }
        let others = all.filter { !side.contains($0) }
        let time = generator.within(generator.pick([100...1_000, 1_000...10_000]))
        guard !side.isEmpty, !others.isEmpty else { return false }
        var links: [(Int, Int)] = []
        for left in side {
            for right in others {
                links.append((left, right))
                if !isOneWay { links.append((right, left)) }
            }
        }
        cut(links, for: time)
        world.stage.note(.fault, -1, 12, UInt64(side.count), UInt64(time)) {
            let names = side.map { "n\($0 + 1)" }.joined(separator: " ")
            return isOneWay
                ? "nobody hears \(names) for \(time) ms" : "\(names) are cut off for \(time) ms"
        }
        return true
    }

    private func isolate(_ generator: inout Generator) -> Bool {
        let direction = generator.below(3)
        let time = generator.within(generator.pick([200...2_000, 2_000...10_000]))
        guard let leader = world.leader, world.machineCount > 1 else { return false }
        var links: [(Int, Int)] = []
        for other in 0..<world.machineCount where other != leader {
            if direction != 0 { links.append((leader, other)) }
            if direction != 1 { links.append((other, leader)) }
        }
        cut(links, for: time)
        world.stage.note(.fault, leader, 13, UInt64(direction), UInt64(time)) {
            let what = ["hears nobody", "is heard by nobody", "is cut off"][direction]
            return "leads and \(what) for \(time) ms"
        }
        return true
    }

    private func cut(_ links: [(Int, Int)], for milliseconds: Int) {
        for (from, to) in links { world.cut(from, to) }
        world.stage.plan(in: milliseconds * 1_000) { [unowned self] in
            if schedule.isStopped { return }
            for (from, to) in links { world.join(from, to) }
        }
    }

    private func flakyLink(_ generator: inout Generator) -> Bool {
        let victim = generator.below(world.machineCount)
        let loss = generator.pick([0.2, 0.5, 0.9])
        let time = generator.within(500...8_000)
        world.stage.network.setFlakiness(victim, loss)
        world.stage.note(.fault, victim, 14, UInt64(loss * 10)) {
            "is heard only in part for \(time) ms"
        }
        world.stage.plan(in: time * 1_000) { [unowned self] in
            world.stage.network.setFlakiness(victim, 0)
        }
        return true
    }
}
