/// A page of the key index: a leaf with keys and their histories, or a branch with pages.
///
/// A branch's keys are the lower bounds of its children, also that of the first: when a smaller
/// key goes there, its bound is lowered, since the search relies on all keys of a page ascending.
/// `liveCounts` has, for each child, the number of keys beneath that exist now, so that counting
/// a range visits one path at either end.
final class IndexPage {
    /// The most entries of a page, and the bytes of keys from which on it is split earlier.
    static let capacity = 64
    static let byteLimit = 16_384

    var keys = PackedKeys()
    var histories: [KeyHistory] = []
    var children: [IndexPage] = []
    var liveCounts: [Int] = []

    init() {}

    /// A branch over two pages.
    init(_ left: IndexPage, _ right: IndexPage) {
        children = [left]
        liveCounts = [left.liveCount]
        keys.append([left.keys[0]])
        adopt(right, at: 1)
    }

    var isLeaf: Bool { children.isEmpty }

    var count: Int { keys.count }

    var isOverfull: Bool {
        count > IndexPage.capacity || (keys.byteCount > IndexPage.byteLimit && count >= 8)
    }

    /// The number of keys beneath that exist now.
    var liveCount: Int {
        isLeaf ? liveCount(upTo: histories.count) : liveCounts.reduce(0, +)
    }

    /// The same, of a leaf's first entries only.
    func liveCount(upTo position: Int) -> Int {
        var count = 0
        for entry in 0..<position where histories[entry].isLive { count += 1 }
        return count
    }

    /// The child in which a key is, or would be.
    func child(of key: Span<UInt8>) -> Int {
        let (position, isPresent) = keys.search(key)
        return isPresent ? position : max(position - 1, 0)
    }

    /// The child into which a key goes; its bound is lowered to the key if that is needed.
    func childToChange(of key: Span<UInt8>) -> Int {
        let (position, isPresent) = keys.search(key)
        if isPresent { return position }
        if position == 0 { keys.lowerFirst(to: [UInt8](copying: key)) }
        return max(position - 1, 0)
    }

    /// Takes in the page that was split off the child before.
    func adopt(_ page: IndexPage, at position: Int) {
        let moved = page.liveCount
        keys.insert(Array(page.keys[0]), at: position)
        children.insert(page, at: position)
        liveCounts.insert(moved, at: position)
        liveCounts[position - 1] = children[position - 1].liveCount
    }

    /// Splits an overfull page: the upper part becomes a page of its own. When the new entry is
    /// the last, nearly all stays here, so that keys that come in order fill their pages.
    func split(newEntry: Int) -> IndexPage {
        let position = newEntry == count - 1 ? count - 1 : count / 2
        let upper = IndexPage()
        upper.keys = keys.split(at: position)
        if isLeaf {
            upper.histories = Array(histories[position...])
            histories = Array(histories[..<position])
        } else {
            upper.children = Array(children[position...])
            upper.liveCounts = Array(liveCounts[position...])
            children = Array(children[..<position])
            liveCounts = Array(liveCounts[..<position])
        }
        return upper
    }

    // MARK: Shrinking, after a compaction

    /// Removes the children in a range that became empty, and joins small neighbours.
    func tidy(_ range: Range<Int>) {
        for position in range.reversed() where children[position].count == 0 {
            removeChild(position)
        }
        var position = max(range.lowerBound - 1, 0)
        let end = range.upperBound
        while position + 1 < min(children.count, end + 1) {
            let left = children[position]
            let right = children[position + 1]
            let bytes = left.keys.byteCount + right.keys.byteCount
            if left.count + right.count <= IndexPage.capacity / 2, bytes <= IndexPage.byteLimit / 2
            {
                left.join(right)
                liveCounts[position] += liveCounts[position + 1]
                removeChild(position + 1)
            } else {
                position += 1
            }
        }
    }

    private func removeChild(_ position: Int) {
        keys.remove(at: position)
        children.remove(at: position)
        liveCounts.remove(at: position)
    }

    private func join(_ right: IndexPage) {
        keys.append((0..<right.count).map { right.keys[$0] })
        histories += right.histories
        children += right.children
        liveCounts += right.liveCounts
    }
}
