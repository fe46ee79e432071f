/// Keys that operations of unknown outcome tie together. How one group's gaps are filled has no
/// influence on another group's keys.
struct KeyGroups {
    /// All keys that stand in the history, in the order of their bytes.
    private let keys: [String]
    private var parents: [Int]

    init(_ operations: [Operation], uniting unknown: [Int]) {
        var names: Set<String> = []
        for operation in operations {
            for range in operation.request.ranges { names.insert(range.key) }
        }
        keys = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        parents = Array(keys.indices)
        for number in unknown {
            let positions = operations[number].request.ranges.flatMap { self.positions($0) }
            for position in positions.dropFirst() {
                parents[root(position)] = root(positions[0])
            }
        }
    }

    /// The groups of the keys that the request may look at or change.
    func touched(by request: Operation.Request) -> Set<Int> {
        Set(request.ranges.flatMap { positions($0) }.map(root))
    }

    func touched(by key: String) -> Set<Int> {
        Set(positions(Operation.KeyRange(key)).map(root))
    }

    private func root(_ position: Int) -> Int {
        var position = position
        while parents[position] != position { position = parents[position] }
        return position
    }

    private func positions(_ range: Operation.KeyRange) -> Range<Int> {
        let start = firstPosition(notBefore: range.key)
        guard let end = range.end else {
            return start..<(start < keys.count && keys[start] == range.key ? start + 1 : start)
        }
        return start..<max(start, firstPosition(notBefore: end))
    }

    private func firstPosition(notBefore key: String) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle].utf8.lexicographicallyPrecedes(key.utf8) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
