package import Chance

/// What every world stands on: time, machines that run, stop and pause, a network between them,
/// checkers that look on, and the record of what happened.
///
/// Nothing here depends on anything but the seed: no clock, no order of a set or dictionary, no
/// thread. A world plans what is to happen as closures, each for a run of a machine: what was
/// planned for a run that has ended does not happen, and what is due while its machine is paused
/// happens late.
package final class Stage {
    private struct Occurrence {
        let machine: Int
        /// Of which run it is; negative: of whichever run is on when it happens.
        let run: Int
        let isTick: Bool
        let action: () -> Void
    }

    private struct Process {
        var run = 0
        var pausedUntil = 0
        /// What became due while it was paused.
        var waiting: [Occurrence] = []
        /// The length of this machine's second, in thousandths of a true one.
        var clock = 1_000
        /// Disk accesses take so many times as long until then.
        var diskFactor = 1
        var slowUntil = 0
    }

    package let seed: Seed
    var network: Network
    package var trace: Trace
    var faultCounts = FaultCounts()
    package private(set) var occasions = Counts<Occasion>()
    /// The names of checkers that are not listened to.
    var ignored: [String] = []
    var generator: Generator

    private var events = Events<Occurrence>()
    private var processes: [Process] = []
    package private(set) var violations: [Violation] = []

    init(_ seed: Seed, _ network: Network.Options, _ trace: Trace) {
        self.seed = seed
        self.trace = trace
        generator = seed.generator(for: 1)
        self.network = Network(network, seed.generator(for: 2))
    }

    /// Microseconds since the world began.
    package var now: Int { events.now }

    func addMachine(clock: Int) {
        var process = Process()
        process.clock = clock
        if clock != 1_000 { count(.wrongClock) }
        processes.append(process)
        network.addMachine()
    }

    func count(_ occasion: Occasion, by number: Int = 1) {
        occasions[occasion] += number
    }

    func report(_ checker: String, _ text: String) {
        report(Violation(checker, text))
    }

    func report(_ violation: Violation?) {
        guard let violation, !ignored.contains(violation.checker) else { return }
        violations.append(violation)
        note(.violation, -1) { "VIOLATION \(violation)" }
    }

    func note(
        _ kind: Trace.Kind,
        _ machine: Int,
        _ first: UInt64 = 0,
        _ second: UInt64 = 0,
        _ third: UInt64 = 0,
        _ text: () -> String
    ) {
        trace.note(kind, at: now, machine, first, second, third, text)
    }
}

// MARK: - Time
extension Stage {
    /// Plans something that belongs to no machine.
    func plan(in delay: Int, _ action: @escaping () -> Void) {
        let occurrence = Occurrence(machine: -1, run: -1, isTick: false, action: action)
        events.plan(occurrence, at: now + delay)
    }

    /// Plans something in the present run of a machine's process.
    func plan(
        for machine: Int,
        in delay: Int,
        isTick: Bool = false,
        _ action: @escaping () -> Void
    ) {
        let run = processes[machine].run
        let occurrence = Occurrence(machine: machine, run: run, isTick: isTick, action: action)
        events.plan(occurrence, at: now + delay)
    }

    /// Plans something for a machine, whatever run of its process is on by then.
    func planArrival(at machine: Int, in delay: Int, _ action: @escaping () -> Void) {
        let occurrence = Occurrence(machine: machine, run: -1, isTick: false, action: action)
        events.plan(occurrence, at: now + delay)
    }

    /// Lets the next thing happen; false when there is none.
    func step() -> Bool {
        guard let next = events.next() else { return false }
        if next.machine >= 0 {
            if next.run >= 0, next.run != processes[next.machine].run { return true }
            if processes[next.machine].pausedUntil > now {
                processes[next.machine].waiting.append(next)
                return true
            }
        }
        next.action()
        return true
    }

    /// Lets time pass until the condition holds; false when it did not in time.
    func run(atMost micros: Int, until condition: () -> Bool) -> Bool {
        var isOver = false
        plan(in: micros) { isOver = true }
        while !isOver {
            if condition() { return true }
            guard step() else { return false }
        }
        return condition()
    }
}

// MARK: - Processes
extension Stage {
    func run(of machine: Int) -> Int {
        processes[machine].run
    }

    /// A process begins or ends: what an earlier run had planned will not happen.
    func nextRun(of machine: Int) {
        processes[machine].run += 1
        resume(machine)
    }

    func isPaused(_ machine: Int) -> Bool {
        processes[machine].pausedUntil > now
    }

    /// The process does nothing for a while, and then goes on as if nothing had been.
    func pause(_ machine: Int, for micros: Int) {
        processes[machine].pausedUntil = max(processes[machine].pausedUntil, now + micros)
        plan(in: processes[machine].pausedUntil - now) { [unowned self] in
            if !isPaused(machine) { resume(machine) }
        }
    }

    /// The process goes on, and finds what has come in the meantime. What waits in its sockets is
    /// read before the clock is looked at.
    func resume(_ machine: Int) {
        processes[machine].pausedUntil = 0
        let waiting = processes[machine].waiting
        processes[machine].waiting = []
        for occurrence in waiting {
            events.plan(occurrence, at: now + (occurrence.isTick ? 1_000 : 0))
        }
    }

    /// The length of this machine's second, in thousandths of a true one.
    func clock(of machine: Int) -> Int {
        processes[machine].clock
    }

    /// How long a time by this machine's clock truly takes.
    func duration(_ micros: Int, on machine: Int) -> Int {
        micros * processes[machine].clock / 1_000
    }

    func slowDisk(_ machine: Int, factor: Int, for micros: Int) {
        processes[machine].diskFactor = factor
        processes[machine].slowUntil = now + micros
    }

    func healDisk(_ machine: Int) {
        processes[machine].slowUntil = 0
    }

    /// How long an access of a machine's disk takes.
    func diskDelay(_ range: ClosedRange<Int>, on machine: Int) -> Int {
        let delay = generator.within(range)
        return processes[machine].slowUntil > now
            ? delay * processes[machine].diskFactor + 1_000 : delay
    }
}
