/// Revisions never go back: an operation that begins after another has ended sees a revision at
/// least as high, and a change gets a higher one. So it is for every client, and for every member
/// through all its restarts, in what it acknowledges.
struct RevisionChecker {
    static let name = "revisions never go back"
    /// The highest revision that any client has seen.
    private(set) var seen: Int64 = 0
    private var byClient: [Int64] = []
    private var byMachine: [Int64] = []

    /// Notes an answer, of an operation that began when `floor` was `seen`.
    mutating func note(
        _ revision: Int64,
        isChange: Bool,
        begunAt floor: Int64,
        client: Int,
        machine: Int
    ) -> Violation? {
        defer { seen = max(seen, revision) }
        if isChange ? revision <= floor : revision < floor {
            return Violation(
                Self.name,
                (isChange ? "a change got" : "stale read: at")
                    + " revision \(revision), after \(floor) was seen"
            )
        }
        return Self.raise(&byClient, client, to: revision, isChange, "client \(client)")
            ?? Self.raise(&byMachine, machine, to: revision, isChange, "machine n\(machine + 1)")
    }

    /// Operations that overlap may be answered out of order only by different members to different
    /// clients.
    private static func raise(
        _ marks: inout [Int64],
        _ position: Int,
        to revision: Int64,
        _ isChange: Bool,
        _ who: String
    ) -> Violation? {
        guard position >= 0 else { return nil }
        while marks.count <= position { marks.append(0) }
        if revision < marks[position] || (isChange && revision == marks[position]) {
            return Violation(name, "\(who): revision \(revision) after \(marks[position])")
        }
        marks[position] = revision
        return nil
    }
}
