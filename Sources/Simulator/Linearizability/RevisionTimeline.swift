/// The operations with an answer, in the order of their revisions.
struct RevisionTimeline {
    struct Contradiction: Error {
        let text: String
    }

    /// By revision, the change first; the others, which commute, by their invocation.
    let order: [Int]
    /// For each operation, whether its answer says that it changed something.
    let isChange: [Bool]
    /// The operation that made a revision.
    let change: [Int64: Int]
    /// For each place of `order`, and its end: when the first operation from there on returned.
    let earliestReturn: [Int]
    /// The highest revision that was seen; 1 in an empty history.
    let last: Int64

    /// Revisions that no known operation made.
    var gapCount: Int { Int(clamping: last - 1) - change.count }

    static func order(_ operations: [Operation]) -> Result<RevisionTimeline, Contradiction> {
        Result { () throws(Contradiction) in try RevisionTimeline(operations) }
    }

    private init(_ operations: [Operation]) throws(Contradiction) {
        var isChange = [Bool](repeating: false, count: operations.count)
        var change: [Int64: Int] = [:]
        var known: [(revision: Int64, rank: Int, invoked: Int, number: Int)] = []
        for (number, operation) in operations.enumerated() {
            guard let response = operation.response else { continue }
            guard let changes = response.isChange(by: operation.request) else {
                throw Contradiction(text: "\(operation)\nthis answer does not fit the request")
            }
            guard response.revision >= (changes ? 2 : 1) else {
                throw Contradiction(text: "\(operation)\nno store is at this revision")
            }
            if changes {
                isChange[number] = true
                if let other = change.updateValue(number, forKey: response.revision) {
                    throw Contradiction(
                        text: "\(operations[other])\n\(operation)\ntwo changes have one revision"
                    )
                }
            }
            known.append((response.revision, changes ? 0 : 1, operation.invoked, number))
        }
        known.sort { $0 < $1 }
        order = known.map(\.number)
        last = known.last?.revision ?? 1
        self.isChange = isChange
        self.change = change
        var earliest = [Int](repeating: .max, count: order.count + 1)
        for position in order.indices.reversed() {
            let returned = operations[order[position]].returned ?? .max
            earliest[position] = min(earliest[position + 1], returned)
        }
        earliestReturn = earliest
        try agreesWithTime(operations)
    }

    /// Nothing stands before what had returned when it was invoked.
    private func agreesWithTime(_ operations: [Operation]) throws(Contradiction) {
        var latest: Int?
        for number in order {
            let operation = operations[number]
            if let latest, let returned = operation.returned,
                returned < operations[latest].invoked
            {
                throw Contradiction(text: text(earlier: operation, later: operations[latest]))
            }
            if operations[latest ?? number].invoked <= operation.invoked { latest = number }
        }
    }

    private func text(earlier: Operation, later: Operation) -> String {
        let seen = earlier.response?.revision ?? 0
        let made = later.response?.revision ?? 0
        let reason =
            made < seen
            ? "the second began after the first had ended, but goes back to revision \(made)"
            : "the first shows revision \(seen) before the second, which made it, began"
        return "\(earlier)\n\(later)\n\(reason)"
    }

    func tooManyGaps(_ unknownCount: Int) -> String {
        var revision: Int64 = 2
        while change[revision] != nil { revision += 1 }
        return """
            \(gapCount) revisions up to \(last) were made by no known operation, the first of them \
            \(revision); of unknown outcome are only \(unknownCount) operations that may change \
            something
            """
    }
}

/// What rows that were shown say about the changes of unknown outcome.
struct RevisionEvidence {
    private var byRevision: [Int64: [Operation.Row]] = [:]
    /// For key and value the revision that wrote it.
    private var written: [Written: Int64] = [:]

    private struct Written: Hashable {
        let key: String
        let value: String
    }

    init(_ operations: [Operation]) {
        for operation in operations {
            for row in operation.response?.result.rows ?? [] {
                let known = byRevision[row.modRevision] ?? []
                if !known.contains(where: { $0.key == row.key && $0.value == row.value }) {
                    byRevision[row.modRevision, default: []].append(row)
                }
                written[Written(key: row.key, value: row.value)] = row.modRevision
            }
        }
    }

    /// Rows that the change at this revision wrote.
    func rows(at revision: Int64) -> [Operation.Row] {
        byRevision[revision] ?? []
    }

    /// Puts those last whose values were seen with another revision.
    func mostLikelyFirst(
        _ candidates: [Int],
        _ operations: [Operation],
        at revision: Int64
    ) -> ArraySlice<Int> {
        guard candidates.count > 1 else { return candidates[...] }
        func isElsewhere(_ request: Operation.Request) -> Bool {
            switch request {
            case .put(let key, let value):
                written[Written(key: key, value: value)].map { $0 != revision } ?? false
            case .range, .delete: false
            case .txn(_, let success, let failure): (success + failure).contains(where: isElsewhere)
            }
        }
        let unlikely = candidates.map { isElsewhere(operations[$0].request) }
        let ranked =
            candidates.indices.filter { !unlikely[$0] }
            + candidates.indices.filter { unlikely[$0] }
        return ranked.map { candidates[$0] }[...]
    }
}
