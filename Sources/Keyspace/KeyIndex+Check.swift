extension KeyIndex {
    /// What is wrong with the tree, if anything; for tests. It looks at every key.
    ///
    /// In each page keys ascend, and there are as many of them as of what they stand for. All
    /// that is beneath a branch's child lies from its bound to below the next one's. All leaves
    /// are equally deep, none but a lone root is empty, and live keys are counted right.
    package var fault: String? {
        do throws(IndexFault) {
            var check = IndexCheck()
            _ = try check.walk(root, depth: 0)
            return nil
        } catch {
            return error.reason
        }
    }
}

private struct IndexFault: Error {
    let reason: String
}

private struct IndexCheck {
    /// What is beneath a page.
    struct Contents {
        let first: ArraySlice<UInt8>
        let last: ArraySlice<UInt8>
        let live: Int
    }

    private var leafDepth: Int?

    /// Nil for an empty root.
    mutating func walk(_ page: IndexPage, depth: Int) throws(IndexFault) -> Contents? {
        if let fault = page.keys.fault { throw IndexFault(reason: "depth \(depth): \(fault)") }
        guard page.count > 0 else {
            try expect(depth == 0, "a page at depth \(depth) is empty")
            return nil
        }
        return page.isLeaf ? try leaf(page, depth) : try branch(page, depth)
    }

    private mutating func leaf(_ page: IndexPage, _ depth: Int) throws(IndexFault) -> Contents {
        try expect(page.histories.count == page.count, "histories and keys differ in number")
        try expect(leafDepth ?? depth == depth, "leaves at depth \(depth) and \(leafDepth ?? 0)")
        leafDepth = depth
        let hoarder = page.histories.firstIndex(where: \.isWasteful)
        try expect(hoarder == nil, "a history keeps the memory of compacted revisions")
        return Contents(
            first: page.keys[0],
            last: page.keys[page.count - 1],
            live: page.liveCount(upTo: page.count)
        )
    }

    private mutating func branch(_ page: IndexPage, _ depth: Int) throws(IndexFault) -> Contents {
        try expect(page.children.count == page.count, "children and bounds differ in number")
        try expect(page.liveCounts.count == page.count, "counts and bounds differ in number")
        var first: ArraySlice<UInt8>?
        var last: ArraySlice<UInt8> = []
        for position in 0..<page.count {
            guard let inside = try walk(page.children[position], depth: depth + 1) else {
                throw IndexFault(reason: "a page at depth \(depth + 1) is empty")
            }
            let bound = page.keys[position]
            try expect(!inside.first.precedes(bound), "a key is below its page's bound")
            try expect(first == nil || last.precedes(bound), "a key is beyond the next bound")
            try expect(inside.live == page.liveCounts[position], "live keys are miscounted")
            first = first ?? inside.first
            last = inside.last
        }
        return Contents(first: first ?? [], last: last, live: page.liveCount)
    }

    private func expect(
        _ condition: Bool,
        _ reason: @autoclosure () -> String
    ) throws(IndexFault) {
        if !condition { throw IndexFault(reason: reason()) }
    }
}
