import Simulator

/// The semantics of the store a second time, written without looking at speed or at the first.
struct NaiveStore {
    typealias Row = Operation.Row

    var revision: Int64 = 1
    var rows: [String: Row] = [:]

    mutating func answer(_ request: Operation.Request) -> Operation.Response {
        let before = revision
        var writes = 0
        let result = run(request, at: before + 1, &writes)
        revision = writes > 0 ? before + 1 : before
        return Operation.Response(revision: revision, result: result)
    }

    private mutating func run(
        _ request: Operation.Request,
        at next: Int64,
        _ writes: inout Int
    ) -> Operation.Result {
        switch request {
        case .put(let key, let value):
            writes += 1
            let old = rows[key]
            rows[key] = Row(
                key: key,
                value: value,
                createRevision: old?.createRevision ?? next,
                modRevision: next,
                version: (old?.version ?? 0) + 1
            )
            return .put
        case .range(let range):
            let found = rows.values.filter { within($0.key, range) }
            return .range(found.sorted { $0.key < $1.key })
        case .delete(let range):
            let doomed = rows.keys.filter { within($0, range) }
            for key in doomed { rows[key] = nil }
            writes += doomed.count
            return .delete(count: doomed.count)
        case .txn(let compares, let success, let failure):
            let holds = compares.allSatisfy { compare in
                let row = rows[compare.key]
                switch compare.operand {
                case .modRevision(let number):
                    return related(row?.modRevision ?? 0, compare.relation, number)
                case .createRevision(let number):
                    return related(row?.createRevision ?? 0, compare.relation, number)
                case .version(let number):
                    return related(row?.version ?? 0, compare.relation, number)
                case .value(let text):
                    guard let row else { return false }
                    return related(row.value, compare.relation, text)
                }
            }
            let branch = holds ? success : failure
            return .txn(
                succeeded: holds,
                results: branch.map { run($0, at: next, &writes) }
            )
        }
    }

    private func within(_ key: String, _ range: Operation.KeyRange) -> Bool {
        range.end.map { key >= range.key && key < $0 } ?? (key == range.key)
    }

    private func related<Value: Comparable>(
        _ left: Value,
        _ relation: Operation.Compare.Relation,
        _ right: Value
    ) -> Bool {
        switch relation {
        case .equal: left == right
        case .notEqual: left != right
        case .less: left < right
        case .greater: left > right
        }
    }
}

/// Tries every order of a small history, and every choice of the operations of unknown outcome.
func isLinearizableByPermutation(_ history: [Operation]) -> Bool {
    func search(_ rest: [Operation], _ store: NaiveStore) -> Bool {
        guard rest.contains(where: { $0.returned != nil }) else { return true }
        for (number, operation) in rest.enumerated() {
            let mustWait = rest.contains { other in
                other.returned.map { $0 < operation.invoked } ?? false
            }
            guard !mustWait else { continue }
            var after = store
            let answer = after.answer(operation.request)
            guard operation.response == nil || operation.response == answer else { continue }
            var left = rest
            left.remove(at: number)
            if search(left, after) { return true }
        }
        return false
    }
    return search(history, NaiveStore())
}
