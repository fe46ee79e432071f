/// How an election stands.
package enum Verdict: Hashable, Sendable {
    /// The votes that are missing will decide.
    case pending
    /// A quorum said no, or can no longer say yes.
    case lost
    /// A quorum said yes.
    case won
}

/// A set of voters in which more than half decide.
///
/// The empty set agrees with everything: it commits every index and wins every vote. That makes it
/// the neutral half of a `JointQuorum`.
package struct MajorityQuorum: Hashable, Sendable {
    /// In ascending order, each once.
    package private(set) var ids: [NodeID]

    package init(_ ids: [NodeID] = []) {
        self.ids = []
        for id in ids { insert(id) }
    }

    package var isEmpty: Bool { ids.isEmpty }

    package func contains(_ id: NodeID) -> Bool {
        ids.contains(id)
    }

    package mutating func insert(_ id: NodeID) {
        let position = ids.firstIndex { $0 >= id } ?? ids.endIndex
        if position < ids.endIndex, ids[position] == id { return }
        ids.insert(id, at: position)
    }

    package mutating func remove(_ id: NodeID) {
        ids.removeAll { $0 == id }
    }

    /// The largest index that more than half have; a voter that has said nothing has 0.
    package func committedIndex(_ acknowledged: (NodeID) -> LogIndex?) -> LogIndex {
        let count = ids.count
        if count == 0 { return LogIndex(rawValue: .max) }
        // Sorted in ascending order, the value that is followed by half of them is on a majority.
        let place = count - (count / 2 + 1)
        if count > Self.smallCount {
            return ids.map { acknowledged($0) ?? .zero }.sorted()[place]
        }
        // Groups are small and this runs for every acknowledgement: no allocation.
        var sorted: [7 of LogIndex] = .init(repeating: .zero)
        for filled in 0..<count {
            let index = acknowledged(ids[filled]) ?? .zero
            var hole = filled
            while hole > 0, sorted[hole - 1] > index {
                sorted[hole] = sorted[hole - 1]
                hole -= 1
            }
            sorted[hole] = index
        }
        return sorted[place]
    }

    /// What the votes cast so far decide.
    package func verdict(_ vote: (NodeID) -> Bool?) -> Verdict {
        if ids.isEmpty { return .won }
        var yes = 0
        var missing = 0
        for id in ids {
            switch vote(id) {
            case true?: yes += 1
            case false?: break
            case nil: missing += 1
            }
        }
        let needed = ids.count / 2 + 1
        if yes >= needed { return .won }
        return yes + missing >= needed ? .pending : .lost
    }

    private static let smallCount = 7
}

/// Two sets of voters that must both agree; outside a joint change the outgoing one is empty.
package struct JointQuorum: Hashable, Sendable {
    package var incoming: MajorityQuorum
    package var outgoing: MajorityQuorum

    package init(
        incoming: MajorityQuorum = MajorityQuorum(),
        outgoing: MajorityQuorum = MajorityQuorum()
    ) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    package var isJoint: Bool { !outgoing.isEmpty }

    /// All voters in ascending order, each once.
    package var ids: [NodeID] {
        outgoing.isEmpty ? incoming.ids : MajorityQuorum(incoming.ids + outgoing.ids).ids
    }

    package func contains(_ id: NodeID) -> Bool {
        incoming.contains(id) || outgoing.contains(id)
    }

    package func committedIndex(_ acknowledged: (NodeID) -> LogIndex?) -> LogIndex {
        let index = incoming.committedIndex(acknowledged)
        return outgoing.isEmpty ? index : min(index, outgoing.committedIndex(acknowledged))
    }

    package func verdict(_ vote: (NodeID) -> Bool?) -> Verdict {
        let halves = (incoming.verdict(vote), outgoing.verdict(vote))
        if halves.0 == halves.1 { return halves.0 }
        if halves.0 == .lost || halves.1 == .lost { return .lost }
        return .pending
    }
}

extension MajorityQuorum: CustomStringConvertible {
    /// `(1 2 3)`, ids in decimal.
    package var description: String {
        "(" + ids.map { String($0.rawValue) }.joined(separator: " ") + ")"
    }
}

extension JointQuorum: CustomStringConvertible {
    /// `(1 2 3)&&(1 2)`, or only the first half.
    package var description: String {
        isJoint ? "\(incoming)&&\(outgoing)" : "\(incoming)"
    }
}
