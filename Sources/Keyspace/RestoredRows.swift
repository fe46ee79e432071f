/// Rows of the `key` bucket on their way into the index at start.
///
/// Rows come in the order of revisions, in which their keys lie about at random. They are gathered
/// and put into the index in the order of keys, so that the pages that one needs were needed by
/// the one before: that takes a fraction of the time.
struct RestoredRows {
    private struct Row {
        let key: Range<Int>
        let row: RecordKey
        let version: Int64
        let createRevision: Int64
    }

    /// A row's position, and the bytes of its key that follow what all keys share, as a number
    /// that orders as they do.
    private struct Order {
        let head: UInt64
        let position: UInt32
    }

    private var keys: [UInt8] = []
    private var rows: [Row] = []
    /// How many first bytes all keys share.
    private var prefixCount = 0

    /// Rows, and bytes of keys, from which on they are put into the index.
    private static let mostRows = 1 << 18
    private static let mostBytes = 1 << 25

    var isFull: Bool {
        rows.count >= RestoredRows.mostRows || keys.count >= RestoredRows.mostBytes
    }

    /// Adds a row, which is newer than all before.
    mutating func add(
        _ key: Span<UInt8>,
        _ row: RecordKey,
        version: Int64,
        createRevision: Int64
    ) {
        let start = keys.count
        for position in key.indices { keys.append(key[position]) }
        let range = start..<keys.count
        prefixCount = rows.isEmpty ? range.count : sharedCount(key)
        rows.append(Row(key: range, row: row, version: version, createRevision: createRevision))
    }

    /// How much of the common prefix a key begins with.
    private func sharedCount(_ key: Span<UInt8>) -> Int {
        let all = keys.span
        let most = min(prefixCount, key.count)
        var shared = 0
        while shared < most, all[shared] == key[shared] { shared += 1 }
        return shared
    }

    /// Puts all rows into the index, and forgets them.
    mutating func move(to index: inout KeyIndex) {
        copy(to: &index)
        keys.removeAll(keepingCapacity: true)
        rows.removeAll(keepingCapacity: true)
    }

    private func copy(to index: inout KeyIndex) {
        let bytes = keys.span
        for next in order() {
            let row = rows[Int(next.position)]
            index.restore(
                bytes.extracting(row.key),
                row.row,
                version: row.version,
                createRevision: row.createRevision
            )
        }
    }

    /// The rows by their keys; those of one key in the order of revisions.
    private func order() -> [Order] {
        let bytes = keys.span
        var order: [Order] = []
        order.reserveCapacity(rows.count)
        for position in rows.indices {
            let rest = rows[position].key.dropFirst(prefixCount)
            let head = bytes.extracting(rest).bigEndianPrefix
            order.append(Order(head: head, position: UInt32(position)))
        }
        order.sort { left, right in
            if left.head != right.head { return left.head < right.head }
            let bytes = keys.span
            let first = bytes.extracting(rows[Int(left.position)].key)
            let second = bytes.extracting(rows[Int(right.position)].key)
            if first.precedes(second) { return true }
            if second.precedes(first) { return false }
            return left.position < right.position
        }
        return order
    }
}

extension Span<UInt8> {
    /// The first eight bytes, filled up with zeros, as a number that orders as they do.
    var bigEndianPrefix: UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 56
        for position in 0..<Swift.min(count, 8) {
            number |= UInt64(self[position]) << shift
            shift &-= 8
        }
        return number
    }
}
