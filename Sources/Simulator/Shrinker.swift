package import Chance

/// Looks for a smaller run that violates the same: fewer kinds of faults, members, clients, time.
///
/// Each kind of fault has a generator of its own, so that leaving one out changes the others as
/// little as possible. How a run is tried is the caller's business: it may end the process.
package struct Shrinker {
    private let checker: String
    private let run: (Overrides) -> Violation?
    private var runsLeft: Int

    /// - Parameters:
    ///   - violation: what has to be found again, by the same checker.
    ///   - runs: how many runs may be tried.
    ///   - run: tries a run.
    package init(
        _ violation: Violation,
        runs: Int,
        run: @escaping (Overrides) -> Violation?
    ) {
        checker = violation.checker
        runsLeft = runs
        self.run = run
    }

    /// The smallest that was found.
    package mutating func shrink(_ seed: Seed, _ overrides: Overrides) -> Overrides {
        var best = overrides
        var hasShrunk = true
        while hasShrunk, runsLeft > 0 {
            hasShrunk = false
            for candidate in candidates(seed, best) where runsLeft > 0 {
                runsLeft -= 1
                if run(candidate)?.checker == checker {
                    best = candidate
                    hasShrunk = true
                    break
                }
            }
        }
        return best
    }

    /// Smaller runs, those first that make it smaller by most.
    private func candidates(_ seed: Seed, _ overrides: Overrides) -> [Overrides] {
        let options = overrides.applied(to: seed)
        var candidates: [Overrides] = []
        func add(_ change: (inout Overrides) -> Void) {
            var candidate = overrides
            change(&candidate)
            if candidate != overrides { candidates.append(candidate) }
        }
        let active = options.faults.active
        if active.count > 2 {
            add { $0.without += active.prefix(active.count / 2) }
            add { $0.without += active.suffix(active.count / 2) }
        }
        for fault in active { add { $0.without.append(fault) } }
        for members in [1, 2, 3, 5] where members < options.world.members {
            add { $0.members = members }
        }
        for clients in [1, options.clients / 2] where clients > 0 && clients < options.clients {
            add { $0.clients = clients }
        }
        for observers in [0, 1] where observers < options.observers {
            add { $0.observers = observers }
        }
        for holders in [0, 1] where holders < options.holders { add { $0.holders = holders } }
        for part in [4, 2] { add { $0.duration = options.duration / part } }
        if options.duration > 1_000 { add { $0.duration = options.duration * 4 / 5 } }
        return candidates
    }
}
