import Raft

/// All machines commit the same entries: index by index, term by term, byte by byte.
///
/// The first machine that applies an entry decides what it is, for all others and for ever.
struct CommittedLogChecker {
    static let name = "committed prefixes equal"
    /// The committed log: the entry of index 1 first.
    private(set) var entries: [Entry]
    /// In which term each was committed, or in an earlier one: the term of who applied it first.
    /// It never falls from entry to entry.
    private var terms: [Term]

    /// Entries that all have from the start.
    init(_ first: [Entry] = []) {
        entries = first
        terms = first.map(\.term)
    }

    /// The last index that any machine has applied.
    var lastIndex: LogIndex {
        LogIndex(rawValue: UInt64(entries.count))
    }

    /// A machine has applied an entry, when its node was in this term.
    mutating func note(
        _ entry: Entry,
        appliedBy machine: String,
        in term: Term
    ) -> Violation? {
        if entry.index == lastIndex + 1 {
            entries.append(entry)
            terms.append(max(term, terms.last ?? .zero))
            return nil
        }
        guard entry.index <= lastIndex, entry.index > .zero else {
            return Violation(
                Self.name,
                "\(machine) applied \(entry.index), the committed log ends at \(lastIndex)"
            )
        }
        let known = entries[Int(entry.index.rawValue) - 1]
        if known == entry { return nil }
        return Violation(
            Self.name,
            """
            at index \(entry.index) \(machine) applied \(entry.kind) of term \(entry.term), \
            \(entry.data.count) bytes; others applied \(known.kind) of term \(known.term), \
            \(known.data.count) bytes
            """
        )
    }

    /// A node has begun to lead a term: nothing that was committed in terms before may be missing
    /// in its log. (It may learn only later that a later term has begun, and committed more.)
    func check(
        leader: String,
        of leaderTerm: Term,
        lastIndex end: LogIndex,
        term: (LogIndex) -> Term?
    ) -> Violation? {
        guard let position = terms.lastIndex(where: { $0 < leaderTerm }) else { return nil }
        let last = entries[position]
        guard end >= last.index else {
            return Violation(
                Self.name,
                "\(leader) leads term \(leaderTerm) with a log up to \(end); committed before is"
                    + " \(last.index)"
            )
        }
        // Nil: compacted away, which only applied entries are.
        guard let own = term(last.index), own != last.term else { return nil }
        return Violation(
            Self.name,
            "\(leader) leads term \(leaderTerm) with an entry of term \(own) at \(last.index),"
                + " where one of term \(last.term) is committed"
        )
    }
}
