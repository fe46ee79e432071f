/// What one entry changes in the keys: at most one new revision.
struct Transaction {
    /// The revision before.
    let base: Int64
    private(set) var changes: [Change] = []

    init(base: Int64) {
        self.base = base
    }

    /// The revision that the next change gets.
    var next: Revision { Revision(main: base + 1, sub: Int64(changes.count)) }

    /// The newest revision that its own reads see.
    var current: Int64 { changes.isEmpty ? base : base + 1 }

    mutating func add(_ change: Change) {
        changes.append(change)
    }
}
