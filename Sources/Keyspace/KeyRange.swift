package import FoundationEssentials

/// Which keys a request means: one, those from a key to below another, or all from a key on.
package struct KeyRange: Sendable, Hashable {
    enum End: Sendable, Hashable {
        /// Only the first key.
        case single
        case below([UInt8])
        case unbounded
    }

    let from: [UInt8]
    let end: End

    init(from: [UInt8], end: End) {
        self.from = from
        self.end = end
    }

    /// A request's `key` and `range_end`: no end means one key, a zero byte means no bound.
    package init(key: Data, rangeEnd: Data) {
        from = Array(key)
        if rangeEnd.isEmpty {
            end = .single
        } else if rangeEnd.count == 1, rangeEnd.first == 0 {
            end = .unbounded
        } else {
            end = .below(Array(rangeEnd))
        }
    }

    /// Whether no key can be in it.
    package var isEmpty: Bool {
        guard case .below(let to) = end else { return false }
        return !from.precedes(to)
    }

    package func contains(_ key: [UInt8]) -> Bool {
        switch end {
        case .single: key == from
        case .below(let to): !key.precedes(from) && key.precedes(to)
        case .unbounded: !key.precedes(from)
        }
    }
}
