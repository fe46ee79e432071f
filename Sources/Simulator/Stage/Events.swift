/// What is going to happen, in order of time; what is planned first comes first at equal times.
struct Events<Event> {
    private struct Item {
        let time: Int
        let number: Int
        let event: Event

        func precedes(_ other: Item) -> Bool {
            time < other.time || (time == other.time && number < other.number)
        }
    }

    /// A binary heap.
    private var items: [Item] = []
    private var count = 0
    /// The time of the last event taken.
    private(set) var now = 0

    mutating func plan(_ event: Event, at time: Int) {
        items.append(Item(time: max(now, time), number: count, event: event))
        count += 1
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child].precedes(items[parent]) else { break }
            items.swapAt(child, parent)
            child = parent
        }
    }

    /// The next event; time goes on to it.
    mutating func next() -> Event? {
        guard let first = items.first else { return nil }
        let last = items.removeLast()
        if !items.isEmpty {
            items[0] = last
            sink()
        }
        now = first.time
        return first.event
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < items.count else { return }
            if child + 1 < items.count, items[child + 1].precedes(items[child]) { child += 1 }
            guard items[child].precedes(items[parent]) else { return }
            items.swapAt(child, parent)
            parent = child
        }
    }
}
