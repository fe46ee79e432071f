/// Whether a history of clients can be explained by one store that does one thing at a time, each
/// between its invocation and its return.
///
///     way          needs                    looks at           complete
///     .revisions   nothing                  everything         yes, within its steps
///     .keys        one key per operation    no header's        yes for what it looks at; an
///                                           revision           acceptance says no more than that
///     .search      nothing                  everything         yes, within its steps
///
/// `.revisions` (see `RevisionOrder`) takes time in proportion to the history, unless many changes
/// of unknown outcome could stand in each other's place. `.keys` searches each key's operations on
/// their own, because a history is linearizable exactly when that of each key is; it neither uses
/// nor checks the order between keys. `.search` (see `LinearSearch`) is exponential in the number
/// of operations that overlap.
package enum LinearizabilityChecker {
    package enum Way: Hashable, Sendable, CaseIterable {
        case revisions
        case keys
        case search
    }

    package enum Verdict: Hashable, Sendable {
        case linearizable
        case violation(Violation)
        /// The steps ran out, or (`.keys`) there are operations on several keys.
        case undecided(String)
    }

    /// The name of the violations found here.
    package static let name = "linearizability"
    /// The name of the violation that says that there is no verdict.
    package static let undecidedName = "linearizability undecided"
    /// Tries of one operation on one state; a few seconds.
    package static let stepsMax = 2_000_000

    /// The contradiction in a history, or that none was found but not all ways were looked at. The
    /// store is empty and at revision 1 when the history begins.
    package static func check(_ history: [Operation]) -> Violation? {
        var reasons: [String] = []
        for way in Way.allCases {
            switch verdict(on: history, by: way) {
            case .linearizable:
                // Keys alone say nothing about the order between them.
                if way != .keys { return nil }
            case .violation(let violation): return violation
            case .undecided(let reason): reasons.append(reason)
            }
        }
        return Violation(undecidedName, reasons.joined(separator: "\n"))
    }

    /// The verdict that one way comes to.
    package static func verdict(
        on history: [Operation],
        by way: Way,
        steps: Int = stepsMax
    ) -> Verdict {
        let history = history.map(\.withoutHalfKnownOutcome)
        var steps = steps
        switch way {
        case .revisions:
            switch RevisionOrder.check(history, steps: &steps) {
            case .linearizable: return .linearizable
            case .violation(let text): return .violation(Violation(name, text))
            case .undecided:
                return .undecided("by revisions: too many ways to fill the gaps between them")
            }
        case .keys: return verdictByKeys(history, &steps)
        case .search:
            return search(WholeStore(), history, "", &steps)
        }
    }

    private static func verdictByKeys(_ history: [Operation], _ steps: inout Int) -> Verdict {
        var byKey: [String: [Operation]] = [:]
        for operation in history {
            guard let key = operation.request.onlyKey else {
                return .undecided("by keys: there are operations on several keys")
            }
            byKey[key, default: []].append(operation)
        }
        var undecided: Verdict?
        for (key, operations) in byKey.sorted(by: { $0.key < $1.key }) {
            switch search(OneKey(key: key), operations, " on the key \(key)", &steps) {
            case .linearizable: break
            case .violation(let violation): return .violation(violation)
            case .undecided(let reason): undecided = .undecided(reason)
            }
        }
        return undecided ?? .linearizable
    }

    private static func search<Model: SequentialModel>(
        _ model: Model,
        _ operations: [Operation],
        _ place: String,
        _ steps: inout Int
    ) -> Verdict {
        if let misfit = operations.first(where: {
            $0.response != nil && $0.response?.isChange(by: $0.request) == nil
        }) {
            return .violation(Violation(name, "\(misfit)\nthis answer does not fit the request"))
        }
        // Each step may remember one set of operations: half a gigabyte of them at most.
        let bytes = operations.count / 8 + 256
        var allowed = min(steps, (512 << 20) / bytes)
        steps -= allowed
        defer { steps += allowed }
        var search = LinearSearch(model, operations)
        switch search.run(steps: &allowed) {
        case .linearizable: return .linearizable
        case .contradiction(let longest, let blocked):
            return .violation(Violation(name, text(operations, longest, blocked, place)))
        case .undecided(let longest):
            return .undecided(
                "by search: \(longest.count) of \(operations.count) operations\(place) were put "
                    + "in order when the steps ran out"
            )
        }
    }

    private static func text(
        _ operations: [Operation],
        _ longest: [Int],
        _ blocked: Int?,
        _ place: String
    ) -> String {
        var lines = ["\(longest.count) of \(operations.count) operations\(place) can be ordered:"]
        if longest.count > 8 { lines.append("...") }
        for number in longest.suffix(8) { lines.append("\(operations[number])") }
        if let blocked {
            lines.append("then this one must have taken effect, and its answer does not fit:")
            lines.append("\(operations[blocked])")
        }
        return lines.joined(separator: "\n")
    }
}

extension Operation {
    /// Without return or without answer: the outcome is not known.
    fileprivate var withoutHalfKnownOutcome: Operation {
        guard returned == nil || response == nil else { return self }
        var operation = self
        operation.returned = nil
        operation.response = nil
        return operation
    }
}
