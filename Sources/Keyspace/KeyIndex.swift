/// Every key that has a revision, in order, with its revisions: a B-tree in memory.
///
/// It holds no values. At start it is rebuilt from the `key` bucket, read in revision order.
package struct KeyIndex {
    private(set) var root = IndexPage()

    package init() {}

    /// Keys that exist now.
    package var liveCount: Int { root.liveCount }

    // MARK: One key

    package func history(_ key: Span<UInt8>) -> KeyHistory? {
        var page = root
        while !page.isLeaf { page = page.children[page.child(of: key)] }
        let (position, isPresent) = page.keys.search(key)
        return isPresent ? page.histories[position] : nil
    }

    /// The version of a key that is valid at a revision.
    package func revision(of key: Span<UInt8>, at revision: Int64) -> Revision? {
        history(key)?.revision(at: revision)
    }

    /// Adds a version of a key; returns the history as it is then.
    @discardableResult
    package mutating func put(_ key: Span<UInt8>, _ revision: Revision) -> KeyHistory {
        let first = KeyHistory(revision, version: 1, createRevision: revision.main)
        return insert(key, first) { $0.put(revision) }
    }

    /// Marks a key as deleted; false when it does not exist.
    package mutating func delete(_ key: Span<UInt8>, _ revision: Revision) -> Bool {
        guard history(key)?.isLive == true else { return false }
        change(root, key) { $0.delete(revision) }
        return true
    }

    /// Adds a row of the `key` bucket, at start. Of what compaction has removed, the row's own
    /// fields know creation and version.
    mutating func restore(
        _ key: Span<UInt8>,
        _ row: RecordKey,
        version: Int64,
        createRevision: Int64
    ) {
        let first = KeyHistory(
            row.revision,
            version: row.isTombstone ? 0 : version,
            createRevision: row.isTombstone ? 0 : createRevision
        )
        _ = insert(key, first) { history in
            if row.isTombstone {
                history.delete(row.revision)
            } else {
                history.put(row.revision)
            }
        }
    }

    // MARK: Inserting

    private mutating func insert(
        _ key: Span<UInt8>,
        _ first: KeyHistory,
        _ body: (inout KeyHistory) -> Void
    ) -> KeyHistory {
        var insertion = Insertion(history: first, liveDelta: 0, isNew: false, upper: nil)
        KeyIndex.insert(root, key, &insertion, body)
        if let upper = insertion.upper { root = IndexPage(root, upper) }
        return insertion.history
    }

    /// What goes down and comes back up while a key is inserted.
    private struct Insertion {
        /// Down: the history of a new key. Up: the key's history.
        var history: KeyHistory
        var liveDelta: Int
        var isNew: Bool
        /// The page that was split off, for the parent to take in.
        var upper: IndexPage?
    }

    private static func insert(
        _ page: IndexPage,
        _ key: Span<UInt8>,
        _ insertion: inout Insertion,
        _ body: (inout KeyHistory) -> Void
    ) {
        guard page.isLeaf else {
            let position = page.childToChange(of: key)
            insert(page.children[position], key, &insertion, body)
            page.liveCounts[position] += insertion.liveDelta
            guard let upper = insertion.upper else { return }
            page.adopt(upper, at: position + 1)
            insertion.upper = page.isOverfull ? page.split(newEntry: position + 1) : nil
            return
        }
        let (position, isPresent) = page.keys.search(key)
        if isPresent {
            let wasLive = page.histories[position].isLive
            body(&page.histories[position])
            let isLive = page.histories[position].isLive
            insertion.history = page.histories[position]
            insertion.liveDelta = (isLive ? 1 : 0) - (wasLive ? 1 : 0)
        } else {
            page.keys.insert([UInt8](copying: key), at: position)
            page.histories.insert(insertion.history, at: position)
            insertion.isNew = true
            insertion.liveDelta = insertion.history.isLive ? 1 : 0
            if page.isOverfull { insertion.upper = page.split(newEntry: position) }
        }
    }

    /// Changes the history of a key that is present.
    private func change(
        _ page: IndexPage,
        _ key: Span<UInt8>,
        _ body: (inout KeyHistory) -> Void
    ) {
        var insertion = Insertion(
            history: KeyHistory(Revision(main: 0), version: 0, createRevision: 0),
            liveDelta: 0,
            isNew: false,
            upper: nil
        )
        KeyIndex.insert(page, key, &insertion, body)
        guard !insertion.isNew else { fatalError("a key that was found is not in the index") }
    }

    // MARK: Taking back

    /// Takes back the last revision of a key, as if it had not been.
    ///
    /// - Parameters:
    ///   - version: Of the revision before, if there is one and it is no tombstone.
    ///   - createRevision: The same.
    package mutating func undo(_ key: Span<UInt8>, version: Int64, createRevision: Int64) {
        guard let history = history(key) else { fatalError("there is nothing to take back") }
        if history.count > 1 {
            change(root, key) { $0.undo(version: version, createRevision: createRevision) }
        } else {
            KeyIndex.remove(root, key)
            shrinkRoot()
        }
    }

    /// Removes a live key; its page may be left empty.
    private static func remove(_ page: IndexPage, _ key: Span<UInt8>) {
        if page.isLeaf {
            let position = page.keys.search(key).position
            page.keys.remove(at: position)
            page.histories.remove(at: position)
        } else {
            let position = page.child(of: key)
            remove(page.children[position], key)
            page.liveCounts[position] -= 1
            page.tidy(position..<position + 1)
        }
    }

    /// Lets go of roots that have only one child, or none.
    private mutating func shrinkRoot() {
        while root.children.count == 1 { root = root.children[0] }
    }

    // MARK: Ranges

    /// The keys of a range and their versions at a revision, in key order, at most `limit`.
    package func versions(_ range: KeyRange, at revision: Int64, limit: Int = .max) -> [Version] {
        var found: [Version] = []
        visit(range) { page, positions in
            for position in positions {
                guard found.count < limit else { return false }
                let history = page.histories[position]
                if let revision = history.revision(at: revision) {
                    found.append(Version(key: page.keys[position], revision: revision))
                }
            }
            return true
        }
        return found
    }

    /// A key and which of its versions is meant.
    package struct Version {
        package let key: ArraySlice<UInt8>
        package let revision: Revision
    }

    /// How many keys of a range exist at a revision, which may be a past one.
    package func count(_ range: KeyRange, at revision: Int64) -> Int {
        var count = 0
        visit(range) { page, positions in
            for position in positions where page.histories[position].revision(at: revision) != nil {
                count += 1
            }
            return true
        }
        return count
    }

    /// How many keys of a range exist now. Its cost does not depend on the answer.
    package func liveCount(_ range: KeyRange) -> Int {
        switch range.end {
        case .single: history(range.from.span)?.isLive == true ? 1 : 0
        case .unbounded: liveCount - rank(range.from.span)
        case .below(let end): max(0, rank(end.span) - rank(range.from.span))
        }
    }

    /// How many keys below the given one exist now.
    private func rank(_ key: Span<UInt8>) -> Int {
        var page = root
        var rank = 0
        while !page.isLeaf {
            let position = page.child(of: key)
            for before in 0..<position { rank += page.liveCounts[before] }
            page = page.children[position]
        }
        return rank + page.liveCount(upTo: page.keys.search(key).position)
    }

    /// Calls the body with the parts of leaves that are in the range, until it returns false.
    func visit(_ range: KeyRange, _ body: (IndexPage, Range<Int>) -> Bool) {
        if case .below(let end) = range.end, !range.from.precedes(end) { return }
        _ = KeyIndex.visit(root, range, isFirst: true, body)
    }

    /// Walks the histories of keys from one on, deleted ones among them, at most `limit`.
    ///
    /// - Returns: The key to go on from; nil when there is none.
    func visit(from start: [UInt8], limit: Int, _ body: (KeyHistory) -> Void) -> [UInt8]? {
        var left = limit
        var next: [UInt8]?
        visit(KeyRange(from: start, end: .unbounded)) { page, positions in
            for position in positions {
                guard left > 0 else {
                    next = Array(page.keys[position])
                    return false
                }
                left -= 1
                body(page.histories[position])
            }
            return true
        }
        return next
    }

    private static func visit(
        _ page: IndexPage,
        _ range: KeyRange,
        isFirst: Bool,
        _ body: (IndexPage, Range<Int>) -> Bool
    ) -> Bool {
        guard page.isLeaf else {
            let first = isFirst ? page.child(of: range.from.span) : 0
            for position in first..<page.children.count {
                let child = page.children[position]
                guard visit(child, range, isFirst: isFirst && position == first, body) else {
                    return false
                }
            }
            return true
        }
        let first = isFirst ? page.keys.search(range.from.span) : (position: 0, isPresent: false)
        switch range.end {
        case .single:
            if first.isPresent { _ = body(page, first.position..<first.position + 1) }
            return false
        case .unbounded:
            return body(page, first.position..<page.count)
        case .below(let end):
            let last = page.keys.search(end.span).position
            guard body(page, first.position..<max(first.position, last)) else { return false }
            return last == page.count
        }
    }

    // MARK: Compaction

    /// Forgets what a compaction at `revision` makes superfluous in the keys from `start` on,
    /// until about `limit` keys and revisions were looked at.
    ///
    /// - Returns: The rows to delete, and the key to go on from; nil when all keys are done.
    package mutating func compact(
        at revision: Int64,
        from start: [UInt8],
        limit: Int
    ) -> (dead: [RecordKey], next: [UInt8]?) {
        var slice = CompactionSlice(revision: revision, start: start, budget: limit)
        slice.run(root, isFirst: true)
        shrinkRoot()
        return (slice.dead, slice.next)
    }
}

extension [UInt8] {
    init(copying bytes: Span<UInt8>) {
        self = []
        reserveCapacity(bytes.count)
        for position in bytes.indices { append(bytes[position]) }
    }
}
