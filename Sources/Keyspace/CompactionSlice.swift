/// One bounded walk of a compaction through the key index.
struct CompactionSlice {
    let revision: Int64
    let start: [UInt8]
    var budget: Int
    private(set) var dead: [RecordKey] = []
    /// Where the next slice goes on; nil when this one came to the end.
    private(set) var next: [UInt8]?

    init(revision: Int64, start: [UInt8], budget: Int) {
        self.revision = revision
        self.start = start
        self.budget = budget
    }

    mutating func run(_ page: IndexPage, isFirst: Bool) {
        guard page.isLeaf else {
            let first = isFirst ? page.child(of: start.span) : 0
            var position = first
            while position < page.children.count, next == nil {
                run(page.children[position], isFirst: isFirst && position == first)
                position += 1
            }
            page.tidy(first..<position)
            return
        }
        let first = isFirst ? page.keys.search(start.span).position : 0
        var doomed: [Int] = []
        for position in first..<page.count {
            guard budget > 0 else {
                next = Array(page.keys[position])
                break
            }
            if compact(&page.histories[position]) { doomed.append(position) }
            if next != nil {
                next = Array(page.keys[position])
                break
            }
        }
        for position in doomed.reversed() {
            page.keys.remove(at: position)
            page.histories.remove(at: position)
        }
    }

    /// Forgets revisions of one key, the oldest first. True when none is left.
    private mutating func compact(_ history: inout KeyHistory) -> Bool {
        budget -= 1
        let all = history.deadCount(at: revision)
        let now = min(all, max(budget, 1))
        for position in 0..<now { dead.append(history[position]) }
        budget -= now
        if now < all { next = [] }
        guard now < history.count else { return true }
        if now > 0 { history.removeFirst(now) }
        return false
    }
}
