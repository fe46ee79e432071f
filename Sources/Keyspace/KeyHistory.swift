/// The revisions of one key that are not compacted, and what the next put needs to know.
///
/// A key lives in generations: a put begins one, a tombstone ends it. They lie flat in one row,
/// since a tombstone marks every boundary. put 1, put 2, delete 3, put 4, delete 5 is
/// ```
/// older: 1.0 2.0 3.0t 4.0    modified: 5.0t
/// compacted at 2:  2.0 3.0t 4.0 5.0t      compacted at 4:  4.0 5.0t
/// compacted at 3:  3.0t 4.0 5.0t          compacted at 5:  5.0t
/// compacted at 6:  nothing, the key leaves the index
/// ```
/// A compaction keeps, of the versions up to its revision, the last; and that only if it is no
/// tombstone, or if it is one of the compaction's own revision, for watchers that start there.
package struct KeyHistory: Sendable {
    /// A revision but the last, packed.
    private struct Older: Sendable {
        let main: Int64
        let sub: UInt32
        let isTombstone: Bool

        var key: RecordKey {
            RecordKey(Revision(main: main, sub: Int64(sub)), isTombstone: isTombstone)
        }
    }

    private var main: Int64
    private var sub: UInt32
    /// Of the last revision; 0 if that is a tombstone.
    package private(set) var version: Int64
    /// The revision that began the last generation; 0 if it is unknown, which it can be only of
    /// a key whose tombstone alone is left.
    package private(set) var createRevision: Int64
    private var older: [Older] = []

    /// The most changes that one revision can hold.
    static let maximalSub = Int64(UInt32.max)

    init(_ revision: Revision, version: Int64, createRevision: Int64) {
        main = revision.main
        sub = KeyHistory.pack(revision.sub)
        self.version = version
        self.createRevision = createRevision
    }

    private static func pack(_ sub: Int64) -> UInt32 {
        guard let packed = UInt32(exactly: sub) else {
            fatalError("sub-revision \(sub) is outside of 0...\(maximalSub)")
        }
        return packed
    }

    /// Whether the key exists now.
    var isLive: Bool { version != 0 }

    /// The last revision, be it a version or a tombstone.
    var modified: RecordKey {
        RecordKey(Revision(main: main, sub: Int64(sub)), isTombstone: version == 0)
    }

    /// How many revisions there are.
    package var count: Int { older.count + 1 }

    /// The version that is valid at a revision; nil where the key does not exist.
    func revision(at revision: Int64) -> Revision? {
        if main <= revision { return version == 0 ? nil : modified.revision }
        let position = olderCount(upTo: revision) - 1
        guard position >= 0, !older[position].isTombstone else { return nil }
        return older[position].key.revision
    }

    /// The last change of each revision from the given one on, in ascending order.
    func since(_ revision: Int64) -> [RecordKey] {
        var found: [RecordKey] = []
        guard main >= revision else { return [] }
        for position in olderCount(upTo: revision - 1)..<count {
            let key = self[position]
            if found.last?.revision.main == key.revision.main { found.removeLast() }
            found.append(key)
        }
        return found
    }

    /// Adds a version; after a tombstone it begins a generation.
    mutating func put(_ revision: Revision) {
        push(revision)
        if version == 0 {
            createRevision = revision.main
            version = 1
        } else {
            version += 1
        }
        main = revision.main
        sub = KeyHistory.pack(revision.sub)
    }

    /// Ends the generation.
    mutating func delete(_ revision: Revision) {
        push(revision)
        version = 0
        main = revision.main
        sub = KeyHistory.pack(revision.sub)
    }

    /// Takes back the last revision, which must not be the only one.
    ///
    /// - Parameters:
    ///   - version: Of the revision before, if that is no tombstone.
    ///   - createRevision: The same.
    mutating func undo(version before: Int64, createRevision created: Int64) {
        guard let last = older.popLast() else {
            fatalError("a history without revisions is not kept")
        }
        main = last.main
        sub = last.sub
        version = last.isTombstone ? 0 : before
        createRevision = last.isTombstone ? 0 : created
    }

    private mutating func push(_ revision: Revision) {
        guard modified.revision < revision else {
            fatalError("revision \(revision) does not follow \(modified.revision) of the same key")
        }
        older.append(Older(main: main, sub: sub, isTombstone: version == 0))
    }

    // MARK: Compaction

    /// How many of the first revisions a compaction at `revision` makes superfluous.
    func deadCount(at revision: Int64) -> Int {
        let reached = main <= revision ? count : olderCount(upTo: revision)
        guard reached > 0 else { return 0 }
        let last = self[reached - 1]
        let stays = !last.isTombstone || last.revision.main == revision
        return stays ? reached - 1 : reached
    }

    /// Forgets the first `number` revisions, which must not be all.
    mutating func removeFirst(_ number: Int) {
        guard number < count else { fatalError("a history without revisions is not kept") }
        // Histories mostly end with one revision. A copy of a part takes just what it needs;
        // removing in place would keep all the memory.
        older = Array(older[number...])
    }

    /// Whether it holds on to much more memory than its revisions take.
    var isWasteful: Bool { older.capacity > 2 * older.count + 16 }

    /// Revisions in ascending order.
    subscript(position: Int) -> RecordKey {
        position < older.count ? older[position].key : modified
    }

    /// How many of the older revisions are not above the given one.
    private func olderCount(upTo revision: Int64) -> Int {
        if main <= revision { return older.count }
        var low = 0
        var high = older.count
        while low < high {
            let middle = (low + high) / 2
            if older[middle].main <= revision { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
