package import Chance

/// One run of one seed, from its options to the last check.
///
/// 1. Safety: clients work and faults are injected; nothing may be violated.
/// 2. Liveness: faults stop for a majority (the core), and the others are cut off or down for good;
///    a new write must be acknowledged in time.
/// 3. Convergence: everything heals; all members must come to the same state, and what clients saw
///    must have been linearizable.
package enum Simulation {
    package static func run(
        _ seed: Seed,
        _ overrides: Overrides = Overrides(),
        trace: Trace = Trace()
    ) -> Report {
        let options = overrides.applied(to: seed)
        switch options.kind {
        case .members: return MemberSimulation(seed, options, trace).run()
        case .core: return CoreSimulation(seed, options, trace).run()
        case .operators: return OperatorSimulation(seed, options, trace).run()
        }
    }
}

/// What came of a run.
package struct Report: Hashable, Sendable {
    package let seed: UInt64
    /// Of everything that happened, in its order.
    package let digest: UInt64
    package let events: Int
    /// How much time passed in the world, in microseconds.
    package let virtualMicros: Int
    package let operations: Int
    package let faults: FaultCounts
    package let occasions: Counts<Occasion>
    package let violation: Violation?

    init(_ stage: Stage, operations: Int) {
        seed = stage.seed.value
        digest = stage.trace.digest
        events = stage.trace.count
        virtualMicros = stage.now
        self.operations = operations
        faults = stage.faultCounts
        occasions = stage.occasions
        violation = stage.violations.first
    }

    package init(
        seed: UInt64,
        digest: UInt64,
        events: Int,
        virtualMicros: Int,
        operations: Int,
        faults: FaultCounts,
        occasions: Counts<Occasion>,
        violation: Violation?
    ) {
        self.seed = seed
        self.digest = digest
        self.events = events
        self.virtualMicros = virtualMicros
        self.operations = operations
        self.faults = faults
        self.occasions = occasions
        self.violation = violation
    }
}
