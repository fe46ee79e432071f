internal import EtcdProto
internal import FoundationEssentials

/// The keys that a list of operations puts and deletes, nested transactions included.
///
/// A transaction may put a key once, and not together with deleting it, except that a nested
/// transaction's two branches may share keys. The order of operations does not count within a
/// level; among nested transactions, only deletions before a put do, as in etcd.
struct TouchedKeys {
    private(set) var puts: [[UInt8]] = []
    private var putSet: Set<[UInt8]> = []
    private(set) var deletions = IntervalSet()

    init(_ operations: [RequestOp]) throws(EtcdError) {
        let own = operations.compactMap { operation -> Interval? in
            guard case .requestDeleteRange(let request) = operation.request else { return nil }
            return Interval(request)
        }
        deletions.formUnion(IntervalSet(own))
        for operation in operations {
            guard case .requestTxn(let request) = operation.request else { continue }
            let onSuccess = try TouchedKeys(request.success)
            let onFailure = try TouchedKeys(request.failure)
            for key in onSuccess.puts { try add(key) }
            for key in onFailure.puts {
                if onSuccess.putSet.contains(key) {
                    guard !deletions.contains(key) else { throw .duplicateKey }
                } else {
                    try add(key)
                }
            }
            deletions.formUnion(onSuccess.deletions)
            deletions.formUnion(onFailure.deletions)
        }
        for operation in operations {
            guard case .requestPut(let request) = operation.request else { continue }
            try add(Array(request.key))
        }
    }

    private mutating func add(_ key: [UInt8]) throws(EtcdError) {
        guard !deletions.contains(key), putSet.insert(key).inserted else { throw .duplicateKey }
        puts.append(key)
    }
}

/// Keys from one to below another.
struct Interval {
    let from: [UInt8]
    let to: [UInt8]

    /// Nil for no keys. A range without end (`range_end` is one zero byte) is taken literally
    /// here, so it is none: etcd lets it stand beside puts.
    init?(_ request: DeleteRangeRequest) {
        from = Array(request.key)
        to = request.rangeEnd.isEmpty ? from + [0] : Array(request.rangeEnd)
        guard from.precedes(to) else { return nil }
    }

    init(from: [UInt8], to: [UInt8]) {
        self.from = from
        self.to = to
    }
}

/// Intervals in ascending order that neither overlap nor touch.
struct IntervalSet {
    private var intervals: [Interval] = []

    init(_ intervals: [Interval] = []) {
        join(intervals.sorted { $0.from.precedes($1.from) })
    }

    func contains(_ key: [UInt8]) -> Bool {
        var low = 0
        var high = intervals.count
        while low < high {
            let middle = (low + high) / 2
            if key.precedes(intervals[middle].from) { high = middle } else { low = middle + 1 }
        }
        return low > 0 && key.precedes(intervals[low - 1].to)
    }

    mutating func formUnion(_ other: IntervalSet) {
        guard !other.intervals.isEmpty else { return }
        var merged: [Interval] = []
        merged.reserveCapacity(intervals.count + other.intervals.count)
        var left = intervals[...]
        var right = other.intervals[...]
        while let first = left.first, let second = right.first {
            if second.from.precedes(first.from) {
                merged.append(second)
                right.removeFirst()
            } else {
                merged.append(first)
                left.removeFirst()
            }
        }
        join(merged + left + right)
    }

    /// Takes intervals that ascend by where they begin.
    private mutating func join(_ ascending: [Interval]) {
        intervals = []
        for interval in ascending {
            if let last = intervals.last, !last.to.precedes(interval.from) {
                let to = last.to.precedes(interval.to) ? interval.to : last.to
                intervals[intervals.count - 1] = Interval(from: last.from, to: to)
            } else {
                intervals.append(interval)
            }
        }
    }
}
