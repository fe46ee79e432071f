extension Operation.Response {
    /// Whether what the client was told is a change; nil when it is no answer to the request.
    func isChange(by request: Operation.Request) -> Bool? {
        result.isChange(by: request)
    }
}

extension Operation.Result {
    fileprivate func isChange(by request: Operation.Request) -> Bool? {
        switch (request, self) {
        case (.put, .put): return true
        case (.range, .range): return false
        case (.delete, .delete(let count)): return count < 0 ? nil : count > 0
        case (.txn(_, let success, let failure), .txn(let succeeded, let results)):
            let branch = succeeded ? success : failure
            guard branch.count == results.count else { return nil }
            var isChange = false
            for (request, result) in zip(branch, results) {
                guard let changes = result.isChange(by: request) else { return nil }
                if changes { isChange = true }
            }
            return isChange
        default: return nil
        }
    }

    /// The rows that were shown, also inside a transaction.
    var rows: [Operation.Row] {
        switch self {
        case .put, .delete: []
        case .range(let rows): rows
        case .txn(_, let results): results.flatMap(\.rows)
        }
    }
}

extension Operation.Request {
    /// Every range of keys that it may look at or change.
    var ranges: [Operation.KeyRange] {
        switch self {
        case .put(let key, _): [Operation.KeyRange(key)]
        case .range(let range), .delete(let range): [range]
        case .txn(let compares, let success, let failure):
            compares.map { Operation.KeyRange($0.key) }
                + (success + failure).flatMap(\.ranges)
        }
    }

    /// Whether it can change anything at all.
    var mayChange: Bool {
        switch self {
        case .put, .delete: true
        case .range: false
        case .txn(_, let success, let failure): (success + failure).contains(where: \.mayChange)
        }
    }

    /// The one key that it looks at or changes; nil when there may be several, or none.
    var onlyKey: String? {
        guard let first = ranges.first?.key,
            ranges.allSatisfy({ $0.end == nil && $0.key == first })
        else { return nil }
        return first
    }
}
