/// The watchers of one key, or of one range of keys, and what just happened there.
final class WatcherSet {
    let range: KeyRange
    /// Watchers in any state.
    var count = 0
    private(set) var synced: [Watcher] = []
    private(set) var catchingUp: [Watcher] = []
    /// What the transaction, or the slice of history, at hand did to its keys.
    private(set) var events: [WatchEvent] = []
    private var selections: [(Selection, WatchEvents?)] = []

    /// What some of its watchers are to be given.
    private struct Selection: Hashable {
        let first: Int
        let content: Watch.Options
    }

    init(_ range: KeyRange) {
        self.range = range
    }

    // MARK: Members

    func addSynced(_ watcher: Watcher) {
        watcher.slot = synced.count
        synced.append(watcher)
    }

    func removeSynced(_ watcher: Watcher) {
        guard let last = synced.popLast() else { fatalError("a synced watcher is not in its set") }
        guard last !== watcher else { return }
        synced[watcher.slot] = last
        last.slot = watcher.slot
    }

    func addCatchingUp(_ watcher: Watcher) {
        watcher.slot = catchingUp.count
        catchingUp.append(watcher)
    }

    func removeCatchingUp(_ watcher: Watcher) {
        guard let last = catchingUp.popLast() else {
            fatalError("a watcher that catches up is not in its set")
        }
        guard last !== watcher else { return }
        catchingUp[watcher.slot] = last
        last.slot = watcher.slot
    }

    // MARK: Events

    /// Different sorts of watchers that are remembered at a time.
    private static let mostSelections = 8

    func note(_ event: WatchEvent) {
        events.append(event)
    }

    func clearEvents() {
        events = []
        selections = []
    }

    /// What a watcher is to be given of the events, from its position on; nil for nothing.
    func selection(for watcher: Watcher, _ keyspace: Keyspace, _ number: inout UInt64)
        -> WatchEvents?
    {
        let key = Selection(first: firstEvent(from: watcher.next), content: watcher.options.content)
        if let known = selections.first(where: { $0.0 == key }) { return known.1 }
        var list = events[key.first...].filter(key.content.admits)
        if key.content.contains(.previous) { list = list.map { $0.withPrevious(in: keyspace) } }
        var selected: WatchEvents?
        if !list.isEmpty {
            number += 1
            selected = WatchEvents(list, number: number)
        }
        if selections.count == WatcherSet.mostSelections { selections.removeFirst() }
        selections.append((key, selected))
        return selected
    }

    private func firstEvent(from revision: Int64) -> Int {
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].revision.main < revision { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
