/// What is going to happen, in order of time; what is planned first comes first at equal times.
struct Events<Event> {
    private struct Item {
        let time: Int
        let number: Int
        let event: Event
    }

    /// A binary heap.
    private var items: [Item] = []
    private var count = 0
    /// The time of the last event taken.
    private(set) var now = 0

    mutating func plan(_ event: Event, in delay: Int) {
        items.append(Item(time: now + max(0, delay), number: count, event: event))
        count += 1
        var child = items.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
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
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < items.count }
            guard let child = children.min(by: precedes), precedes(child, parent) else { return }
            items.swapAt(child, parent)
            parent = child
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (items[left].time, items[left].number) < (items[right].time, items[right].number)
    }
}
