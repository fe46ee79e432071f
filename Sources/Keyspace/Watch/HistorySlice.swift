/// How much of history one look takes: revisions are never split, so it may be exceeded by one.
struct HistoryBudget {
    var rows: Int
    var bytes = 1 << 20

    init(rows: Int) {
        self.rows = rows
    }

    var isSpent: Bool { rows <= 0 || bytes <= 0 }
}

extension Keyspace {
    /// Walks through what was written from a revision on, which must not be compacted, in order.
    ///
    /// - Returns: The last revision that was walked through, or that has no rows.
    func visitHistory(
        from first: Int64,
        _ budget: HistoryBudget,
        _ body: (RecordKey, Span<UInt8>) -> Void
    ) -> Int64 {
        var budget = budget
        var last: RecordKey?
        var isCut = false
        /// False: enough.
        func take(_ row: RecordKey, _ value: Span<UInt8>) -> Bool {
            if budget.isSpent, row.revision.main != last?.revision.main {
                isCut = true
                return false
            }
            budget.rows -= 1
            budget.bytes -= value.count
            body(row, value)
            last = row
            return true
        }
        let start = RecordKey(Revision(main: first))
        if !pending.holdsAll(from: start) {
            do throws(BackendError) {
                try backend.scan(.key, from: start.bytes) { key, value in
                    guard let row = RecordKey(key) else {
                        fatalError("a row of bucket key has no revision as its key")
                    }
                    return take(row, value)
                }
            } catch {
                fatalError("cannot read from revision \(first) on: \(error)")
            }
        }
        for batch in pending.records where !isCut {
            for record in batch[batch.position(of: last ?? start)...] {
                if let last, record.key <= last { continue }
                guard take(record.key, record.value.span) else { break }
            }
        }
        guard isCut, let last else { return revision }
        return last.revision.main
    }
}

extension PendingWrites {
    /// Whether the backend's rows all come before this one.
    fileprivate func holdsAll(from row: RecordKey) -> Bool {
        guard let first = records.lazy.compactMap(\.first).first else { return false }
        return first.key <= row
    }
}

extension [WriteBatch.Record] {
    /// Of the first record that is not before a row.
    fileprivate func position(of row: RecordKey) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].key < row { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
