import Raft

/// If two logs hold an entry of the same index and term, they are the same up to there: so an entry
/// of an index and term is always the same, and so is the term of the one before it.
struct LogMatchingChecker {
    static let name = "logs match"
    private struct Place: Hashable {
        let index: LogIndex
        let term: Term
    }
    private struct Content {
        let entry: Entry
        let previousTerm: Term?
    }
    private var contents: [Place: Content] = [:]

    /// A machine writes entries to its log; `previousTerm` is that of the entry before them, if it
    /// is known.
    mutating func note(
        _ entries: [Entry],
        after previousTerm: Term?,
        by machine: String
    ) -> Violation? {
        var previous = previousTerm
        for entry in entries {
            if let violation = note(entry, after: previous, machine) { return violation }
            previous = entry.term
        }
        return nil
    }

    private mutating func note(
        _ entry: Entry,
        after previous: Term?,
        _ machine: String
    ) -> Violation? {
        let place = Place(index: entry.index, term: entry.term)
        guard let known = contents[place] else {
            contents[place] = Content(entry: entry, previousTerm: previous)
            return nil
        }
        let before = "\(machine) writes entry \(entry.index) of term \(entry.term)"
        if known.entry != entry {
            return Violation(Self.name, before + ", which is another one elsewhere")
        }
        guard let previous, let other = known.previousTerm else {
            if known.previousTerm == nil {
                contents[place] = Content(entry: entry, previousTerm: previous)
            }
            return nil
        }
        if previous == other { return nil }
        return Violation(
            Self.name,
            before + " behind one of term \(previous); elsewhere it is behind one of term \(other)"
        )
    }
}
