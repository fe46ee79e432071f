/// One key, for a search that does not look at the store's revisions.
///
/// Of the key's own revisions it knows those that writers were told. A write of unknown outcome
/// leaves the key with a revision that is not known: then any is believed, and a comparison with
/// it may go either way.
struct OneKey: SequentialModel {
    struct State: Hashable {
        var row: Row?
    }

    struct Row: Hashable {
        var value: String
        var version: Int64
        var createRevision: Int64?
        var modRevision: Int64?
    }

    let key: String
    let initial = State()

    func states(after operation: Operation, in state: State) -> [State] {
        apply(operation.request, state, operation.response?.result, operation.response?.revision)
    }

    /// The states that a request may lead to; `revision` is what its changes carry, if known.
    private func apply(
        _ request: Operation.Request,
        _ state: State,
        _ told: Operation.Result?,
        _ revision: Int64?
    ) -> [State] {
        switch (request, told) {
        case (.put(_, let value), .put?), (.put(_, let value), nil):
            let created = state.row.map(\.createRevision) ?? revision
            let row = Row(
                value: value,
                version: (state.row?.version ?? 0) + 1,
                createRevision: created,
                modRevision: revision
            )
            return [State(row: row)]
        case (.range, .range(let rows)?):
            return agrees(state.row, rows) ? [state] : []
        case (.range, nil):
            return [state]
        case (.delete, .delete(let count)?):
            return count == (state.row == nil ? 0 : 1) ? [State()] : []
        case (.delete, nil):
            return [State()]
        case (.txn(let compares, let success, let failure), .txn(let succeeded, let results)?):
            guard outcomes(compares, state.row).contains(succeeded) else { return [] }
            return branch(succeeded ? success : failure, state, results, revision)
        case (.txn(let compares, let success, let failure), nil):
            return outcomes(compares, state.row).flatMap { succeeded in
                branch(succeeded ? success : failure, state, nil, revision)
            }
        default:
            return []
        }
    }

    private func branch(
        _ requests: [Operation.Request],
        _ state: State,
        _ told: [Operation.Result]?,
        _ revision: Int64?
    ) -> [State] {
        guard told == nil || told?.count == requests.count else { return [] }
        var states = [state]
        for (number, request) in requests.enumerated() {
            states = states.flatMap { apply(request, $0, told?[number], revision) }
        }
        return states
    }

    private func agrees(_ row: Row?, _ shown: [Operation.Row]) -> Bool {
        guard let row else { return shown.isEmpty }
        guard let first = shown.first, shown.count == 1, first.key == key else { return false }
        return first.value == row.value && first.version == row.version
            && first.createRevision == row.createRevision ?? first.createRevision
            && first.modRevision == row.modRevision ?? first.modRevision
    }

    /// Whether all compares may hold, whether one may fail: true first.
    private func outcomes(_ compares: [Operation.Compare], _ row: Row?) -> [Bool] {
        var mayHold = true
        var mayFail = false
        for compare in compares {
            switch result(of: compare, row) {
            case true?: break
            case false?:
                mayHold = false
                mayFail = true
            case nil: mayFail = true
            }
        }
        return (mayHold ? [true] : []) + (mayFail ? [false] : [])
    }

    private func result(of compare: Operation.Compare, _ row: Row?) -> Bool? {
        guard let row else { return compare.holds(nil) }
        switch compare.operand {
        case .createRevision where row.createRevision == nil: return nil
        case .modRevision where row.modRevision == nil: return nil
        default: break
        }
        return compare.holds(
            Operation.Row(
                key: key,
                value: row.value,
                createRevision: row.createRevision ?? 0,
                modRevision: row.modRevision ?? 0,
                version: row.version
            )
        )
    }
}
