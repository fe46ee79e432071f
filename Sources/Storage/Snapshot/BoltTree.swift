/// One B+tree as it is written, from its leaves up, while its rows come in order.
///
/// Of each level there is one page in memory. A page is written when it is full, and its first key
/// goes up. A branch keeps two children back until it knows that more come, because bbolt must
/// never see a branch with one child: it stops when it deletes the last row below one.
struct BoltTree {
    private var leaf = BoltPageBuilder(.leaf)
    private var levels: [Branch] = []

    /// A level of branches.
    private struct Branch {
        var page = BoltPageBuilder(.branch)
        /// How many of the children fill the page; nil while there is room.
        var full: Int?
        var wasSplit = false
    }

    /// Adds a row, whose key must be above the last one's.
    mutating func add(
        _ key: Span<UInt8>,
        _ value: Span<UInt8>,
        flags: UInt32 = 0,
        to pages: inout BoltPages
    ) throws(BoltError) {
        let bytes = key.count + value.count
        if leaf.count > 0, !leaf.hasRoom(for: bytes, pageSize: pages.pageSize) {
            try writeLeaf(to: &pages)
        }
        leaf.add(key, value, flags: flags)
    }

    /// The only leaf, if it is so small that bbolt would keep it inside the bucket's entry.
    func inlineLeaf(pageSize: Int) -> [UInt8]? {
        guard levels.isEmpty, leaf.byteCount <= pageSize / 4 else { return nil }
        var bytes: [UInt8] = []
        leaf.write(id: 0, overflow: 0, to: &bytes)
        return bytes
    }

    /// Writes what is left, and returns the root's page.
    mutating func finish(to pages: inout BoltPages) throws(BoltError) -> UInt64 {
        if levels.isEmpty { return try pages.add(leaf) }
        if leaf.count > 0 { try writeLeaf(to: &pages) }
        var level = 0
        while true {
            var branch = levels[level]
            if branch.full != nil {
                let front = branch.page.splitOff(branch.page.count / 2)
                branch.wasSplit = true
                try push(front, above: level, to: &pages)
            }
            let isTop = !branch.wasSplit
            let child = try pages.add(branch.page)
            if isTop { return child }
            try push(branch.page.firstKey, child, at: level + 1, to: &pages)
            level += 1
        }
    }

    private mutating func writeLeaf(to pages: inout BoltPages) throws(BoltError) {
        let child = try pages.add(leaf)
        try push(leaf.firstKey, child, at: 0, to: &pages)
        leaf.removeAll()
    }

    private mutating func push(
        _ page: BoltPageBuilder,
        above level: Int,
        to pages: inout BoltPages
    ) throws(BoltError) {
        let child = try pages.add(page)
        try push(page.firstKey, child, at: level + 1, to: &pages)
    }

    /// Takes note of a page that was written below `level`.
    private mutating func push(
        _ key: ArraySlice<UInt8>,
        _ child: UInt64,
        at level: Int,
        to pages: inout BoltPages
    ) throws(BoltError) {
        if level == levels.count { levels.append(Branch()) }
        let count = levels[level].page.count
        if count > 2, levels[level].full == nil,
            !levels[level].page.hasRoom(for: key.count, pageSize: pages.pageSize)
        {
            levels[level].full = count
        }
        levels[level].page.add(key, child: child)
        guard let full = levels[level].full, count + 1 == full + 2 else { return }
        let front = levels[level].page.splitOff(full)
        levels[level].full = nil
        levels[level].wasSplit = true
        try push(front, above: level, to: &pages)
    }
}
