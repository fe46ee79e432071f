/// Keys in ascending order, one after the other in one array, so that a key costs its bytes and
/// twelve more.
///
/// Keys of a page mostly begin alike. What they share is compared once; of the rest, the first
/// eight bytes stand beside as a number (`heads`), so that a search seldom reads the keys:
/// ```
/// /pods/a1   /pods/a2   /pods/b     prefixCount 6   heads "a1", "a2", "b", filled up with zeros
/// ```
struct PackedKeys: Sendable {
    private var bytes: [UInt8] = []
    /// Where each key ends.
    private var ends: [UInt32] = []
    private var heads: [UInt64] = []
    /// How many first bytes all keys share, at least.
    private var prefixCount = 0

    var count: Int { ends.count }
    var byteCount: Int { bytes.count }

    private func start(_ position: Int) -> Int { position == 0 ? 0 : Int(ends[position - 1]) }

    subscript(position: Int) -> ArraySlice<UInt8> {
        bytes[start(position)..<Int(ends[position])]
    }

    // MARK: Searching

    /// The position of the first key that is not below `key`, and whether it is `key`.
    func search(_ key: Span<UInt8>) -> (position: Int, isPresent: Bool) {
        let all = bytes.span
        for position in 0..<prefixCount {
            guard position < key.count else { return (0, false) }
            if key[position] != all[position] {
                return (key[position] < all[position] ? 0 : count, false)
            }
        }
        let head = PackedKeys.head(key, from: prefixCount)
        let heads = heads.span
        var low = 0
        var high = heads.count
        while low < high {
            let middle = (low + high) / 2
            let other = heads[middle]
            if other == head {
                switch compare(middle, key) {
                case .equal: return (middle, true)
                case .below: low = middle + 1
                case .above: high = middle
                }
            } else if other < head {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return (low, false)
    }

    private enum Order { case below, equal, above }

    /// How the key at a position stands to one that shares the prefix.
    private func compare(_ position: Int, _ key: Span<UInt8>) -> Order {
        let all = bytes.span
        let begin = start(position)
        let length = Int(ends[position]) - begin
        for offset in prefixCount..<max(prefixCount, min(length, key.count))
        where all[begin + offset] != key[offset] {
            return all[begin + offset] < key[offset] ? .below : .above
        }
        if length == key.count { return .equal }
        return length < key.count ? .below : .above
    }

    /// Eight bytes as a number that orders as they do.
    private static func head(_ key: Span<UInt8>, from start: Int) -> UInt64 {
        var head: UInt64 = 0
        let end = min(key.count, start + 8)
        var shift: UInt64 = 56
        for position in start..<max(start, end) {
            head |= UInt64(key[position]) << shift
            shift &-= 8
        }
        return head
    }

    // MARK: Changing

    mutating func insert(_ key: [UInt8], at position: Int) {
        let begin = start(position)
        let length = key.count
        guard bytes.count + length <= Int(UInt32.max) else {
            fatalError("4 GiB of keys in a page")
        }
        let shared = count == 0 ? length : sharedCount(0, key.span)
        bytes.insert(contentsOf: key, at: begin)
        ends.insert(UInt32(begin), at: position)
        for later in position..<ends.count { ends[later] += UInt32(length) }
        heads.insert(0, at: position)
        if count > 1, shared >= prefixCount {
            heads[position] = PackedKeys.head(key.span, from: prefixCount)
        } else {
            setHeads(prefixCount: shared)
        }
    }

    /// Puts a smaller key in the first one's place.
    mutating func lowerFirst(to key: [UInt8]) {
        remove(at: 0)
        insert(key, at: 0)
    }

    mutating func remove(at position: Int) {
        let begin = start(position)
        let end = Int(ends[position])
        bytes.removeSubrange(begin..<end)
        ends.remove(at: position)
        heads.remove(at: position)
        for later in position..<ends.count { ends[later] -= UInt32(end - begin) }
        if ends.isEmpty { prefixCount = 0 }
    }

    /// Moves all keys from a position on to a new value.
    mutating func split(at position: Int) -> PackedKeys {
        let begin = start(position)
        var upper = PackedKeys()
        upper.bytes = Array(bytes[begin...])
        upper.ends = ends[position...].map { $0 - UInt32(begin) }
        bytes = Array(bytes[..<begin])
        ends = Array(ends[..<position])
        upper.setHeads()
        setHeads()
        return upper
    }

    /// Adds keys that come after all that are here.
    mutating func append(_ others: [ArraySlice<UInt8>]) {
        for key in others {
            bytes.append(contentsOf: key)
            guard let end = UInt32(exactly: bytes.count) else {
                fatalError("4 GiB of keys in a page")
            }
            ends.append(end)
        }
        setHeads()
    }

    /// Takes as prefix all that first and last key share, and so all between.
    private mutating func setHeads() {
        setHeads(prefixCount: count == 0 ? 0 : sharedCount(0, self[count - 1].span))
    }

    private mutating func setHeads(prefixCount: Int) {
        self.prefixCount = prefixCount
        heads = (0..<count).map { PackedKeys.head(self[$0].span, from: prefixCount) }
    }

    // MARK: Checking

    /// What is wrong here, if anything: keys that do not ascend, or a prefix or heads that are not
    /// the keys'.
    var fault: String? {
        guard heads.count == count else { return "\(heads.count) heads of \(count) keys" }
        for position in 0..<count {
            let key = self[position]
            if position > 0, !self[position - 1].precedes(key) {
                return "\(Array(key)) does not follow \(Array(self[position - 1]))"
            }
            guard sharedCount(0, key.span) >= prefixCount else {
                return "\(Array(key)) lacks the prefix of \(prefixCount) bytes"
            }
            guard heads[position] == PackedKeys.head(key.span, from: prefixCount) else {
                return "\(Array(key)) has another key's head"
            }
        }
        return nil
    }

    /// How many first bytes the key at a position shares with another.
    private func sharedCount(_ position: Int, _ key: Span<UInt8>) -> Int {
        let all = bytes.span
        let begin = start(position)
        let length = min(Int(ends[position]) - begin, key.count)
        var shared = 0
        while shared < length, all[begin + shared] == key[shared] { shared += 1 }
        return shared
    }
}
