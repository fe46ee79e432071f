import Simulator
import TestKit

/// Histories made by a store that does one thing at a time, and ways to spoil them.
struct RandomHistory {
    var generator: Generator
    var keys = ["a", "b", "c"]
    var hasOnlySingleKeys = false
    var unknownRate = 0.15
    /// How far an operation reaches on both sides of the moment at which it takes effect, at most.
    var spread = 25
    private var valueCount = 0

    init(_ generator: Generator) {
        self.generator = generator
    }

    /// One operation takes effect every ten units of time.
    mutating func operations(_ count: Int) -> [Operation] {
        var store = NaiveStore()
        var history: [Operation] = []
        for number in 0..<count {
            let moment = number * 10
            var operation = Operation(
                client: number,
                invoked: moment - generator.below(spread),
                request: request(store)
            )
            let isUnknown = generator.chance(unknownRate)
            if !isUnknown {
                operation.response = store.answer(operation.request)
                operation.returned = moment + generator.below(spread)
            } else if generator.chance(0.5) {
                _ = store.answer(operation.request)
            }
            history.append(operation)
        }
        generator.shuffle(&history)
        return history
    }

    private mutating func request(_ store: NaiveStore) -> Operation.Request {
        switch generator.below(10) {
        case 0...2: return put(generator.pick(keys))
        case 3...4: return .range(range())
        case 5: return .delete(range())
        default: return transaction(store)
        }
    }

    private mutating func put(_ key: String) -> Operation.Request {
        valueCount += 1
        return .put(key: key, value: "v\(valueCount)")
    }

    private mutating func range() -> Operation.KeyRange {
        let key = generator.pick(keys)
        guard !hasOnlySingleKeys, generator.chance(0.3) else { return Operation.KeyRange(key) }
        return Operation.KeyRange(key, end: generator.pick(keys + ["z"]))
    }

    private mutating func transaction(_ store: NaiveStore) -> Operation.Request {
        let key = generator.pick(keys)
        let other = hasOnlySingleKeys ? key : generator.pick(keys)
        return .txn(
            compares: generator.chance(0.9) ? [compare(key, store)] : [],
            success: branch(other),
            failure: generator.chance(0.5) ? [] : branch(other)
        )
    }

    /// A branch that writes no key twice.
    private mutating func branch(_ key: String) -> [Operation.Request] {
        let read = Operation.Request.range(Operation.KeyRange(key))
        return switch generator.below(5) {
        case 0: [read]
        case 1: [put(key), read]
        case 2: [read, .delete(Operation.KeyRange(key)), read]
        default: [put(key)]
        }
    }

    private mutating func compare(_ key: String, _ store: NaiveStore) -> Operation.Compare {
        let row = store.rows[key]
        let near = Int64(generator.below(3)) - 1
        let operand: Operation.Compare.Operand =
            switch generator.below(4) {
            case 0: .modRevision((row?.modRevision ?? 0) + near)
            case 1: .createRevision(generator.chance(0.5) ? 0 : (row?.createRevision ?? 0) + near)
            case 2: .version((row?.version ?? 0) + near)
            default: .value(row?.value ?? "v1")
            }
        return Operation.Compare(key, generator.pick(Operation.Compare.Relation.allCases), operand)
    }
}

/// A change after which no order explains a history.
enum Spoiling: CaseIterable {
    /// A row with a value that nobody wrote.
    case inventedValue
    /// A row that was written once more than it was.
    case doubledVersion
    /// Two changes with one revision.
    case sharedRevision
    /// A read long after everything, of the beginning.
    case staleRead
    /// An acknowledged change that another operation took place of.
    case lostWrite
    /// A transaction that says it went the other way.
    case otherBranch
    /// One more key deleted than there was.
    case otherCount

    /// Nil when the history has nothing to apply it to.
    func applied(to history: [Operation], _ generator: inout Generator) -> [Operation]? {
        var history = history
        func pick(_ isFit: (Operation) -> Bool) -> Int? {
            let fit = history.indices.filter { history[$0].response != nil && isFit(history[$0]) }
            return fit.isEmpty ? nil : generator.pick(fit)
        }
        switch self {
        case .inventedValue, .doubledVersion:
            guard
                let number = pick({
                    if case .range(let rows)? = $0.response?.result { !rows.isEmpty } else { false }
                }), case .range(var rows)? = history[number].response?.result
            else { return nil }
            if self == .inventedValue {
                rows[0].value = "invented"
            } else {
                rows[0].version += 1
            }
            history[number].response?.result = .range(rows)
        case .sharedRevision:
            let puts = history.filter { $0.response?.result == .put }
            guard puts.count > 1, let number = pick({ $0.response?.result == .put }),
                let other = puts.first(where: { $0 != history[number] })?.response
            else { return nil }
            history[number].response?.revision = other.revision
        case .staleRead:
            guard history.contains(where: { $0.response?.result == .put }) else { return nil }
            let late = (history.compactMap(\.returned).max() ?? 0) + 1
            history.append(
                Operation(
                    client: 1000,
                    invoked: late,
                    returned: late + 1,
                    request: .range(Operation.KeyRange("a")),
                    response: Operation.Response(revision: 1, result: .range([]))
                )
            )
        case .lostWrite:
            // Nobody else could have made its revision.
            guard !history.contains(where: { $0.response == nil }),
                let number = pick({ $0.response?.result == .put }),
                let revision = history[number].response?.revision,
                history.contains(where: { $0.response.map { $0.revision > revision } ?? false })
            else { return nil }
            history.remove(at: number)
        case .otherBranch:
            guard
                let number = pick({
                    guard case .txn(let compares, _, _) = $0.request else { return false }
                    return compares.isEmpty
                }), case .txn(let succeeded, let results)? = history[number].response?.result
            else { return nil }
            history[number].response?.result = .txn(succeeded: !succeeded, results: results)
        case .otherCount:
            guard
                let number = pick({
                    guard case .delete(let range) = $0.request else { return false }
                    return range.end == nil && $0.response?.result == .delete(count: 1)
                })
            else { return nil }
            history[number].response?.result = .delete(count: 2)
        }
        return history
    }
}
