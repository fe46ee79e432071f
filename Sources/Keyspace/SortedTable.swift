/// A small ordered map of bytes: two parallel arrays, searched by halving.
struct SortedTable: Sendable {
    private(set) var keys: [[UInt8]] = []
    private(set) var values: [[UInt8]] = []

    var count: Int { keys.count }

    /// The position of the first key that is not below the given one.
    func lowerBound(_ key: [UInt8]) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle].precedes(key) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    subscript(key: [UInt8]) -> [UInt8]? {
        get {
            let position = lowerBound(key)
            return position < keys.count && keys[position] == key ? values[position] : nil
        }
        set {
            let position = lowerBound(key)
            let isPresent = position < keys.count && keys[position] == key
            switch (newValue, isPresent) {
            case (let value?, true): values[position] = value
            case (let value?, false):
                keys.insert(key, at: position)
                values.insert(value, at: position)
            case (nil, true):
                keys.remove(at: position)
                values.remove(at: position)
            case (nil, false): break
            }
        }
    }

    /// Removes all of the given keys, which are in ascending order.
    mutating func remove(ascending doomed: [[UInt8]]) {
        guard let first = doomed.first else { return }
        var kept = lowerBound(first)
        var next = 0
        for position in kept..<keys.count {
            while next < doomed.count, doomed[next].precedes(keys[position]) { next += 1 }
            if next < doomed.count, doomed[next] == keys[position] { continue }
            keys.swapAt(kept, position)
            values.swapAt(kept, position)
            kept += 1
        }
        keys.removeLast(keys.count - kept)
        values.removeLast(values.count - kept)
    }
}

extension [UInt8] {
    /// Byte order, as of spans.
    func precedes(_ other: [UInt8]) -> Bool { span.precedes(other.span) }
}

extension ArraySlice<UInt8> {
    /// Byte order, as of spans.
    func precedes(_ other: ArraySlice<UInt8>) -> Bool { span.precedes(other.span) }
}

extension Span<UInt8> {
    /// Byte order: of two texts of which one begins the other, the shorter comes first.
    func precedes(_ other: Span<UInt8>) -> Bool {
        let common = Swift.min(count, other.count)
        for position in 0..<common where self[position] != other[position] {
            return self[position] < other[position]
        }
        return count < other.count
    }

    func isEqual(to other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for position in 0..<count where self[position] != other[position] { return false }
        return true
    }
}
