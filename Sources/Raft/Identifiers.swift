/// A participant of the consensus group. etcd derives it from peer URLs; Raft only compares it.
package struct NodeID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Nobody: the absent leader, the vote not yet given.
    package static let none = NodeID(rawValue: 0)
    /// The addressee of storage writes that have not reached the log yet (asynchronous storage).
    package static let localAppendThread = NodeID(rawValue: .max)
    /// The addressee of committed entries that have not been applied yet (asynchronous storage).
    package static let localApplyThread = NodeID(rawValue: .max - 1)

    package static func < (left: NodeID, right: NodeID) -> Bool {
        left.rawValue < right.rawValue
    }

    /// Lower-case hexadecimal without padding, as etcd prints ids.
    package var description: String {
        String(rawValue, radix: 16)
    }
}

/// The number of an election period; it never falls on one node.
package struct Term: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static let zero = Term(rawValue: 0)

    package static func < (left: Term, right: Term) -> Bool {
        left.rawValue < right.rawValue
    }

    package static func + (term: Term, count: UInt64) -> Term {
        Term(rawValue: term.rawValue + count)
    }

    package var description: String {
        String(rawValue)
    }
}

/// The position of an entry in the log; the first entry has 1. Not a revision of the keyspace.
package struct LogIndex: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static let zero = LogIndex(rawValue: 0)

    package static func < (left: LogIndex, right: LogIndex) -> Bool {
        left.rawValue < right.rawValue
    }

    package static func + (index: LogIndex, count: UInt64) -> LogIndex {
        LogIndex(rawValue: index.rawValue + count)
    }

    /// The index `count` places before; `count` must not be larger than the index.
    package static func - (index: LogIndex, count: UInt64) -> LogIndex {
        LogIndex(rawValue: index.rawValue - count)
    }

    package var description: String {
        String(rawValue)
    }
}
