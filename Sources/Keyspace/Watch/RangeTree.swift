/// Ranges of keys that are watched: which of them contain a key?
///
/// An AVL tree in the order of where ranges begin, then of where they end. Every node knows the
/// furthest end below it, so a search leaves out what ends before its key:
/// ```
///              [c,f) furthest: no bound
///             /                        \
///   [a,b) furthest b            [e, no bound) furthest: no bound
/// ```
/// A search for `d` looks at `[c,f)` and `[e, ...)`, of `[a,b)` only at its furthest end.
struct RangeTree {
    private final class Node {
        var set: WatcherSet
        var left: Node?
        var right: Node?
        var height = 1
        var furthest: KeyRange.End

        init(_ set: WatcherSet) {
            self.set = set
            furthest = set.range.end
        }

        var balance: Int { (left?.height ?? 0) - (right?.height ?? 0) }

        /// After a change of a child.
        func update() {
            height = max(left?.height ?? 0, right?.height ?? 0) + 1
            furthest = set.range.end
            if let left, furthest.precedes(left.furthest) { furthest = left.furthest }
            if let right, furthest.precedes(right.furthest) { furthest = right.furthest }
        }
    }

    private var root: Node?

    /// The watchers of just this range; if there are none, a new set for them.
    mutating func set(for range: KeyRange) -> WatcherSet {
        var node = root
        while let here = node {
            if range == here.set.range { return here.set }
            node = range.precedes(here.set.range) ? here.left : here.right
        }
        let set = WatcherSet(range)
        root = RangeTree.insert(set, root)
        return set
    }

    mutating func remove(_ range: KeyRange) {
        root = RangeTree.remove(range, root)
    }

    /// Calls with each range's watchers that contains the key, in the order of the ranges.
    func visit(_ key: Span<UInt8>, _ body: (WatcherSet) -> Void) {
        RangeTree.visit(root, key, body)
    }

    private static func visit(_ node: Node?, _ key: Span<UInt8>, _ body: (WatcherSet) -> Void) {
        guard let node, node.furthest.isBeyond(key) else { return }
        visit(node.left, key, body)
        let from = node.set.range.from
        guard !key.precedes(from.span) else { return }
        if node.set.range.end.isBeyond(key) { body(node.set) }
        visit(node.right, key, body)
    }

    private static func insert(_ set: WatcherSet, _ node: Node?) -> Node {
        guard let node else { return Node(set) }
        if set.range.precedes(node.set.range) {
            node.left = insert(set, node.left)
        } else {
            node.right = insert(set, node.right)
        }
        return balanced(node)
    }

    private static func remove(_ range: KeyRange, _ node: Node?) -> Node? {
        guard let node else { fatalError("a watched range is not in the tree") }
        if range == node.set.range {
            guard let left = node.left else { return node.right }
            guard let right = node.right else { return left }
            // The next one takes its place.
            var next = right
            while let earlier = next.left { next = earlier }
            node.set = next.set
            node.right = remove(next.set.range, right)
        } else if range.precedes(node.set.range) {
            node.left = remove(range, node.left)
        } else {
            node.right = remove(range, node.right)
        }
        return balanced(node)
    }

    private static func balanced(_ node: Node) -> Node {
        node.update()
        if node.balance > 1, let left = node.left {
            if left.balance < 0 { node.left = turnLeft(left) }
            return turnRight(node)
        }
        if node.balance < -1, let right = node.right {
            if right.balance > 0 { node.right = turnRight(right) }
            return turnLeft(node)
        }
        return node
    }

    /// The left child takes a node's place.
    private static func turnRight(_ node: Node) -> Node {
        guard let top = node.left else { fatalError("there is nothing to turn up") }
        node.left = top.right
        top.right = node
        node.update()
        top.update()
        return top
    }

    /// The right child takes a node's place.
    private static func turnLeft(_ node: Node) -> Node {
        guard let top = node.right else { fatalError("there is nothing to turn up") }
        node.right = top.left
        top.left = node
        node.update()
        top.update()
        return top
    }
}

extension KeyRange {
    fileprivate func precedes(_ other: KeyRange) -> Bool {
        from == other.from ? end.precedes(other.end) : from.precedes(other.from)
    }
}

extension KeyRange.End {
    fileprivate func precedes(_ other: KeyRange.End) -> Bool {
        switch (self, other) {
        case (.unbounded, _): false
        case (_, .unbounded): true
        case (.below(let left), .below(let right)): left.precedes(right)
        case (.single, _), (_, .single): fatalError("a single key is no range")
        }
    }

    fileprivate func isBeyond(_ key: Span<UInt8>) -> Bool {
        switch self {
        case .unbounded: true
        case .below(let end): key.precedes(end.span)
        case .single: fatalError("a single key is no range")
        }
    }
}
