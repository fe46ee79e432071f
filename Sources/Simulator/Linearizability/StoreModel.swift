/// etcd's keyspace as a client knows it: the simplest program that answers as etcd must.
///
/// It begins empty at revision 1. A request that changes something raises the revision by one.
package struct StoreModel: Hashable, Sendable {
    package private(set) var revision: Int64 = 1
    /// In the order of the keys' bytes.
    package private(set) var rows: [Operation.Row] = []

    package init() {}

    /// Does what is asked and gives the answer.
    package mutating func apply(_ request: Operation.Request) -> Operation.Response {
        var hasChanged = false
        let result = perform(request, &hasChanged)
        if hasChanged { revision += 1 }
        return Operation.Response(revision: revision, result: result)
    }

    package func row(_ key: String) -> Operation.Row? {
        let position = position(of: key)
        return position < rows.count && rows[position].key == key ? rows[position] : nil
    }

    package func holds(_ compare: Operation.Compare) -> Bool {
        compare.holds(row(compare.key))
    }

    private mutating func perform(
        _ request: Operation.Request,
        _ hasChanged: inout Bool
    ) -> Operation.Result {
        switch request {
        case .put(let key, let value):
            put(key, value)
            hasChanged = true
            return .put
        case .range(let range):
            return .range(Array(rows[positions(of: range)]))
        case .delete(let range):
            let positions = positions(of: range)
            rows.removeSubrange(positions)
            if !positions.isEmpty { hasChanged = true }
            return .delete(count: positions.count)
        case .txn(let compares, let success, let failure):
            let succeeded = compares.allSatisfy(holds)
            let branch = succeeded ? success : failure
            var results: [Operation.Result] = []
            for request in branch { results.append(perform(request, &hasChanged)) }
            return .txn(succeeded: succeeded, results: results)
        }
    }

    /// All changes of one request carry the revision that follows.
    private mutating func put(_ key: String, _ value: String) {
        let position = position(of: key)
        if position < rows.count, rows[position].key == key {
            rows[position].value = value
            rows[position].modRevision = revision + 1
            rows[position].version += 1
        } else {
            let row = Operation.Row(
                key: key,
                value: value,
                createRevision: revision + 1,
                modRevision: revision + 1,
                version: 1
            )
            rows.insert(row, at: position)
        }
    }

    /// Where the key is, or would be.
    private func position(of key: String) -> Int {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].key.utf8.lexicographicallyPrecedes(key.utf8) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func positions(of range: Operation.KeyRange) -> Range<Int> {
        let start = position(of: range.key)
        guard let end = range.end else {
            return start..<(start < rows.count && rows[start].key == range.key ? start + 1 : start)
        }
        return start..<max(start, position(of: end))
    }
}

extension Operation.Compare {
    /// Whether it holds for a key that has this row, or none.
    package func holds(_ row: Operation.Row?) -> Bool {
        switch operand {
        case .modRevision(let operand): compare(row?.modRevision ?? 0, operand)
        case .createRevision(let operand): compare(row?.createRevision ?? 0, operand)
        case .version(let operand): compare(row?.version ?? 0, operand)
        case .value(let operand): row.map { compare(Bytes($0.value), Bytes(operand)) } ?? false
        }
    }

    private func compare<Value: Comparable>(_ value: Value, _ operand: Value) -> Bool {
        switch relation {
        case .equal: value == operand
        case .notEqual: value != operand
        case .less: value < operand
        case .greater: value > operand
        }
    }

    /// A text in the order of its bytes.
    private struct Bytes: Comparable {
        let text: String

        init(_ text: String) { self.text = text }

        static func < (left: Bytes, right: Bytes) -> Bool {
            left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
        }
    }
}
