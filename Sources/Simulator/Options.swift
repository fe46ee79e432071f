package import Chance
package import Raft

/// Everything that a seed decides before a run begins.
package struct Options: Sendable {
    /// Which world.
    package enum Kind: String, Sendable, CaseIterable {
        /// Whole members: consensus, log, keyspace, membership.
        case members
        /// Consensus alone, with all that members do not use: joint changes, snapshots, leases.
        case core
        /// The operator, with simulated members. Only when it is asked for.
        case operators
    }

    package var kind: Kind
    package var clients: Int
    package var keys: Int
    /// Clients that watch.
    package var observers = 0
    /// Clients that hold leases.
    package var holders = 0
    /// The longest pause of a client between two operations, in milliseconds.
    package var thinking: Int
    /// How long faults are injected, in milliseconds.
    package var duration: Int
    package var faults = FaultRates()
    /// How long an ended process stays down, in milliseconds.
    package var downtime = 100...3_000
    /// Checkers that are not listened to, so that another one can be seen to find the same.
    package var ignored: [String] = []
    package var world = WorldOptions()
    package var core = CoreOptions()
    package var operators = OperatorOptions()
}

// MARK: - Swarm
extension Options {
    /// What this seed chooses: even how often a fault happens, and whether it does at all.
    package static func swarm(_ seed: Seed, kind: Kind? = nil) -> Options {
        var generator = seed.generator(for: 0)
        let drawn: Kind = generator.chance(0.4) ? .core : .members
        var options = Options(
            kind: kind ?? drawn,
            clients: generator.pick([1, 3, 8, 16]),
            keys: generator.pick([1, 2, 5, 20]),
            thinking: generator.pick([5, 20, 20, 100, 400]),
            duration: generator.within(4_000...30_000)
        )
        options.downtime = generator.pick([
            1...30, 20...500, 100...3_000, 1_000...10_000,
        ])
        // Else a cluster that is well does little but this, at length.
        options.thinking = max(options.thinking, 3 * options.clients)
        options.drawFaults(&generator)
        options.drawWorld(&generator)
        options.core = CoreOptions.swarm(&generator)
        options.drawWatchesAndLeases(seed)
        if options.kind == .operators { options.drawOperators(seed) }
        return options
    }

    private mutating func drawFaults(_ generator: inout Generator) {
        for fault in Fault.ofMembers {
            let isOn = generator.chance(Self.chance(of: fault))
            let interval = generator.pick([1_000, 4_000, 15_000])
            if isOn { faults[fault] = interval }
        }
    }

    /// Those that need others to come to anything are tried more often.
    private static func chance(of fault: Fault) -> Double {
        switch fault {
        case .snapshotCrash: 0.7
        case .reconfiguration: 0.5
        default: 0.35
        }
    }

    /// By a generator of their own: what else a seed means stays as it was.
    private mutating func drawWatchesAndLeases(_ seed: Seed) {
        var generator = seed.generator(for: 5)
        observers = generator.pick([0, 1, 2, 4])
        world.watchBytes = generator.pick([300, 2_000, 1 << 20])
        world.watchRows = generator.pick([1, 4, 30, 1_000])
        world.watchReport = generator.pick([100, 700, 5_000])
        holders = generator.pick([0, 1, 2, 4])
        world.checkpointSeconds = generator.pick([nil, nil, 1, 2])
    }

    private mutating func drawOperators(_ seed: Seed) {
        var generator = seed.generator(for: 6)
        duration = 1_000 * generator.within(120...1_800)
        operators = OperatorOptions.swarm(&generator)
        faults = FaultRates()
        for fault in Fault.ofOperators {
            let isOn = generator.chance(0.35)
            let interval = generator.pick([20_000, 90_000, 400_000])
            if isOn { faults[fault] = interval }
        }
    }

    private mutating func drawWorld(_ generator: inout Generator) {
        world.members = generator.pick([1, 2, 3, 3, 3, 4, 5, 5, 6, 7])
        world.tick = generator.pick([20, 50, 100])
        let drift = generator.pick([0, 0, 50, 200])
        world.clocks = (0..<16).map { _ in generator.within((1_000 - drift)...(1_000 + drift)) }
        world.network.delay = generator.pick([50...500, 500...5_000, 100...30_000])
        world.network.loss = generator.pick([0, 0, 0.01, 0.1])
        world.network.duplication = generator.pick([0, 0, 0.05])
        world.network.lateness = generator.pick([0, 0, 0.01])
        world.network.reorders = generator.chance(0.5)
        world.syncDelay = 0...generator.pick([1, 10, 60])
        world.backendDelay = 1...generator.pick([5, 200])
        world.backendInterval = generator.pick([10, 100, 700])
        world.inlineWrites = generator.pick([0, 0.5])
        world.segmentSize = generator.pick([2 << 10, 16 << 10])
        world.entriesPerTurn = generator.pick([1, 3, 1_000])
        if generator.chance(0.75) {
            world.snapshotCount = generator.pick([5, 20, 100])
            world.catchUpEntries = generator.pick([1, 10, 50])
            world.catchUpBytes = 0
        }
        world.laggardBytes = generator.pick([1 << 10, 4 << 10, 20 << 10, 256 << 20])
        world.pieceBytes = generator.pick([4 << 10, 32 << 10, 128 << 10])
        world.preVote = generator.chance(0.8)
        world.strictReconfigCheck = generator.chance(0.5)
    }
}

// MARK: - Overrides
/// What a person or the shrinker wants to be otherwise than the seed chose.
package struct Overrides: Hashable, Sendable {
    package var kind: Options.Kind?
    package var members: Int?
    package var clients: Int?
    package var observers: Int?
    package var holders: Int?
    package var duration: Int?
    package var without: [Fault] = []
    package var bugs: PlantedBugs = []
    package var mistake: OperatorMistake?
    package var ignored: [String] = []

    package init() {}

    package func applied(to seed: Seed) -> Options {
        var options = Options.swarm(seed, kind: kind)
        if let members {
            options.world.members = members
            options.operators.replicas = members
        }
        if let clients { options.clients = clients }
        if let observers { options.observers = observers }
        if let holders { options.holders = holders }
        if let duration { options.duration = min(duration, options.duration) }
        for fault in without { options.faults[fault] = 0 }
        options.world.bugs = bugs
        options.operators.mistake = mistake
        options.ignored = ignored
        return options
    }

    /// The arguments of `simulate` that give these.
    package var arguments: [String] {
        var words: [String] = []
        if let kind { words += ["--world", kind.rawValue] }
        if let members { words += ["--members", "\(members)"] }
        if let clients { words += ["--clients", "\(clients)"] }
        if let observers { words += ["--observers", "\(observers)"] }
        if let holders { words += ["--holders", "\(holders)"] }
        if let duration { words += ["--duration", "\(duration)"] }
        for fault in without { words += ["--without", fault.rawValue] }
        for (name, bug) in PlantedBugs.all where bugs.contains(bug) { words += ["--bug", name] }
        if let mistake { words += ["--bug", mistake.rawValue] }
        for checker in ignored { words += ["--ignore", "'\(checker)'"] }
        return words
    }
}

extension Options: CustomStringConvertible {
    /// All of it, for a person who looks into a violation.
    package var description: String {
        if kind == .operators {
            let active = faults.active.map { "\($0.rawValue) every \(faults[$0] / 1_000) s or so" }
            return (["world operators: \(operators)", "faults for \(duration) ms"] + active)
                .joined(separator: "\n")
        }
        var lines = [
            "world \(kind.rawValue): \(world.members) members, \(clients) clients on \(keys) keys,"
                + " \(observers) observers, \(holders) holders of leases",
            "faults for \(duration) ms, downtime \(downtime) ms, thinking \(thinking) ms",
            "tick \(world.tick) ms, clocks \(Array(world.clocks.prefix(world.members)))",
            "sync \(world.syncDelay) ms, inline \(world.inlineWrites)",
            "network \(world.network.summary)",
        ]
        for fault in faults.active {
            lines.append("\(fault.rawValue) every \(faults[fault]) ms or so")
        }
        lines.append(kind == .members ? world.summary : core.summary)
        return lines.joined(separator: "\n")
    }
}

extension Network.Options {
    fileprivate var summary: String {
        "\(delay) µs, loss \(loss), duplication \(duplication), late \(lateness),"
            + " reorders \(reorders)"
    }
}

extension WorldOptions {
    fileprivate var summary: String {
        let parts = [
            "backend every \(backendInterval) ms in \(backendDelay) ms",
            "segments of \(segmentSize) bytes",
            "log cut every \(snapshotCount) entries leaving \(catchUpEntries)",
            "\(laggardBytes) bytes for who lags, snapshots in pieces of \(pieceBytes)",
            "\(entriesPerTurn) entries a turn",
            "watches up to \(watchBytes) bytes, history by \(watchRows) rows, progress every"
                + " \(watchReport) ms",
            "checkpoints of leases " + (checkpointSeconds.map { "every \($0) s" } ?? "off"),
            "pre-vote \(preVote)",
            "strict changes \(strictReconfigCheck)",
        ]
        return parts.joined(separator: ", ")
    }
}
