import Chance

/// Lets faults happen at the rates that it is given, each kind by its own generator: so leaving one
/// out leaves the others as they were, which is what makes a run shrink.
final class FaultSchedule {
    private unowned let stage: Stage
    private let rates: FaultRates
    private var generators: [Generator]
    private let inject: (Fault, inout Generator) -> Bool
    private(set) var isStopped = false

    /// - Parameter inject: Brings a fault about; false when it cannot be now.
    init(
        _ stage: Stage,
        _ rates: FaultRates,
        _ inject: @escaping (Fault, inout Generator) -> Bool
    ) {
        self.stage = stage
        self.rates = rates
        self.inject = inject
        generators = Fault.allCases.indices.map { stage.seed.generator(for: 100 + UInt64($0)) }
    }

    func start() {
        for fault in rates.active { plan(fault) }
    }

    /// Nothing happens any more.
    func stop() {
        isStopped = true
    }

    private func plan(_ fault: Fault) {
        let wait = generators[fault.position].within(1...(2 * rates[fault]))
        stage.plan(in: wait * 1_000) { [unowned self] in
            guard !isStopped else { return }
            var generator = generators[fault.position]
            if inject(fault, &generator) { stage.faultCounts[fault] += 1 }
            generators[fault.position] = generator
            plan(fault)
        }
    }
}
