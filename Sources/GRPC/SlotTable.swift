/// Objects by small numbers that are used again after removal.
struct SlotTable<Element: AnyObject> {
    private var elements: [Element?] = []
    private var free: [Int] = []

    /// The number of objects.
    var count: Int { elements.count - free.count }

    /// Puts the object in and says under which number.
    mutating func insert(_ element: Element) -> Int {
        if let slot = free.popLast() {
            elements[slot] = element
            return slot
        }
        elements.append(element)
        return elements.count - 1
    }

    subscript(slot: Int) -> Element? {
        slot < elements.count ? elements[slot] : nil
    }

    @discardableResult
    mutating func remove(_ slot: Int) -> Element? {
        guard let element = self[slot] else { return nil }
        elements[slot] = nil
        free.append(slot)
        return element
    }

    /// All objects, in the order of their numbers.
    var all: [Element] { elements.compactMap { $0 } }

    /// Takes all objects out.
    mutating func removeAll() -> [Element] {
        defer { self = SlotTable() }
        return all
    }
}
