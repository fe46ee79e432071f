import Keyspace

/// Leases by the tick at which something is due, the earliest first; of equal ticks the smallest
/// number, so that the order never depends on how it came about.
struct TickHeap {
    struct Item: Hashable, Comparable {
        let tick: Tick
        let lease: LeaseID

        static func < (left: Item, right: Item) -> Bool {
            (left.tick, left.lease) < (right.tick, right.lease)
        }
    }

    private var items: [Item] = []

    var count: Int { items.count }
    var first: Item? { items.first }

    mutating func push(_ item: Item) {
        var position = items.count
        items.append(item)
        while position > 0, items[position] < items[(position - 1) / 2] {
            items.swapAt(position, (position - 1) / 2)
            position = (position - 1) / 2
        }
    }

    @discardableResult
    mutating func popFirst() -> Item? {
        guard let last = items.popLast() else { return nil }
        guard let first = items.first else { return last }
        items[0] = last
        sink()
        return first
    }

    private mutating func sink() {
        var position = 0
        while true {
            let left = 2 * position + 1
            guard left < items.count else { return }
            let right = left + 1
            let least = right < items.count && items[right] < items[left] ? right : left
            guard items[least] < items[position] else { return }
            items.swapAt(position, least)
            position = least
        }
    }

    mutating func removeAll(where isDoomed: (Item) -> Bool) {
        // A sorted array is a heap.
        items = items.filter { !isDoomed($0) }.sorted()
    }
}
