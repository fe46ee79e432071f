/// All watchers, by what they watch: whom a change of a key concerns is found in a time that grows
/// with their number and with the logarithm of all others'.
struct WatcherIndex {
    private var keys: [[UInt8]: WatcherSet] = [:]
    private var ranges = RangeTree()

    /// The watchers of just this range; if there are none, a new set for them.
    mutating func set(for range: KeyRange) -> WatcherSet {
        guard range.end == .single else { return ranges.set(for: range) }
        if let set = keys[range.from] { return set }
        let set = WatcherSet(range)
        keys[range.from] = set
        return set
    }

    /// Forgets a set without watchers.
    mutating func remove(_ set: WatcherSet) {
        if set.range.end == .single {
            keys[set.range.from] = nil
        } else {
            ranges.remove(set.range)
        }
    }

    /// Calls with each set whose watchers a key concerns.
    func visit(_ key: Span<UInt8>, _ body: (WatcherSet) -> Void) {
        if !keys.isEmpty, let set = keys[[UInt8](copying: key)] { body(set) }
        ranges.visit(key, body)
    }
}
