/// A walk over one bucket's tree in order of its keys.
struct BoltWalk {
    private let file: any DiskFile
    private let pageSize: Int
    private let pageCount: UInt64
    /// Pages that are not this bucket's; nil when that is known already.
    var taken: PageSet?
    /// The pages walked over.
    private(set) var seen: PageSet
    private var lastKey: [UInt8] = []
    /// The last key was a child's in a branch, not a row's: the next one may be equal.
    private var lastIsBound = true

    typealias Visit = (BoltPage.Element, BoltPage) throws(BoltError) -> Bool

    init(_ file: any DiskFile, pageSize: Int, pageCount: UInt64) {
        self.file = file
        self.pageSize = pageSize
        self.pageCount = pageCount
        seen = PageSet(count: Int(pageCount))
    }

    /// Walks over the tree until `visit` returns false.
    mutating func run(root: UInt64, depth: Int, _ visit: Visit) throws(BoltError) {
        _ = try run(root, depth: depth, isRoot: true, visit)
    }

    /// Walks over a single leaf.
    mutating func run(leaf: BoltPage, _ visit: Visit) throws(BoltError) {
        guard leaf.kind == BoltFormat.PageKind.leaf.rawValue else {
            throw leaf.damaged(.wrongKind(leaf.kind))
        }
        _ = try rows(of: leaf, visit)
    }

    private mutating func run(
        _ id: UInt64,
        depth: Int,
        isRoot: Bool,
        _ visit: Visit
    ) throws(BoltError) -> Bool {
        var page = try BoltPage(id, of: file, pageSize: pageSize, pageCount: pageCount)
        guard depth > 0 else { throw page.damaged(.tooDeep) }
        for part in id...id + page.overflow {
            guard taken?.contains(part) != true, seen.insert(part) else {
                throw page.damaged(.usedTwice)
            }
        }
        switch BoltFormat.PageKind(rawValue: page.kind) {
        case .leaf:
            guard isRoot || page.count > 0 else { throw page.damaged(.empty) }
            return try rows(of: page, visit)
        case .branch:
            guard page.count > 0 else { throw page.damaged(.empty) }
            for index in 0..<page.count {
                let element = try page.element(index)
                try follow(element, page, isBound: true)
                guard try run(element.tag, depth: depth - 1, isRoot: false, visit) else {
                    return false
                }
            }
            return true
        default:
            throw page.damaged(.wrongKind(page.kind))
        }
    }

    private mutating func rows(of leaf: BoltPage, _ visit: Visit) throws(BoltError) -> Bool {
        var leaf = leaf
        for index in 0..<leaf.count {
            let element = try leaf.element(index)
            try follow(element, leaf, isBound: false)
            guard try visit(element, leaf) else { return false }
        }
        return true
    }

    /// Checks that a key is above all that came before it. A child begins with its key in the
    /// branch or above it.
    private mutating func follow(
        _ element: BoltPage.Element,
        _ page: BoltPage,
        isBound: Bool
    ) throws(BoltError) {
        let (bytes, start) = page.rowBytes
        let range = element.key.lowerBound - start..<element.key.upperBound - start
        let key = bytes.span.extracting(range)
        let isInOrder =
            lastIsBound ? !key.precedes(lastKey.span) : lastKey.span.precedes(key)
        guard isInOrder else { throw page.damaged(.outOfOrder) }
        lastKey.removeAll(keepingCapacity: true)
        lastKey.append(copying: key)
        lastIsBound = isBound
    }
}
