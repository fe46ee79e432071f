import Keyspace

/// A watch as its client knows it, through all its connections: exactly the history of its keys, in
/// order, whole revisions, nothing twice and nothing left out; and what is said about how far it
/// has come is true.
struct WatchChecker {
    static let name = "watches tell the history"
    static let endName = "watches catch up"

    let range: KeyRange
    let options: Watch.Options
    /// Who has it, for people.
    let owner: String
    /// All before this revision is known, or was compacted before it could be told. 0: it has not
    /// begun.
    private(set) var position: Int64
    /// The first change that is not known.
    private var row = 0
    private(set) var isBegun = false

    /// - Parameter start: the first revision to be told of; 0: the next one, once it has begun.
    init(_ range: KeyRange, _ options: Watch.Options, from start: Int64, owner: String) {
        self.range = range
        self.options = options
        self.owner = owner
        position = start
    }

    /// A member has begun to serve it, at this revision.
    mutating func created(at revision: Int64, _ chronicle: Chronicle) -> Violation? {
        if revision > chronicle.revision {
            return violation("is begun at revision \(revision), which nothing has made")
        }
        isBegun = true
        if position == 0 { position = revision + 1 }
        row = max(row, chronicle.position(of: position))
        return nil
    }

    /// What it would be told next is compacted.
    mutating func compacted(at revision: Int64, _ chronicle: Chronicle) -> Violation? {
        guard position < revision, revision <= chronicle.compacted else {
            return violation(
                "is compacted at \(revision); the log is compacted at \(chronicle.compacted)"
            )
        }
        position = revision
        row = chronicle.position(of: revision)
        return nil
    }

    /// All up to this revision is said to have been told.
    mutating func progressed(to revision: Int64, _ chronicle: Chronicle) -> Violation? {
        guard revision <= chronicle.revision else {
            return violation("has come to \(revision), which nothing has made")
        }
        guard revision >= position - 1 else {
            return violation("has come to \(revision) only")
        }
        defer { position = max(position, revision + 1) }
        return passOver(before: Revision(main: revision + 1), chronicle)
    }

    /// Events have come, with this revision in their header.
    mutating func take(
        _ events: [WatchEvent],
        header: Int64,
        _ chronicle: Chronicle
    ) -> Violation? {
        guard let last = events.last?.revision.main, last <= header, header <= chronicle.revision
        else {
            return violation("is told of \(events.count) events under revision \(header)")
        }
        for event in events {
            if let found = take(event, chronicle) { return found }
        }
        position = last + 1
        // Whole revisions.
        return passOver(before: Revision(main: position), chronicle)
    }

    /// Nothing more is to come.
    mutating func checkEnd(_ chronicle: Chronicle) -> Violation? {
        isComplete(chronicle)
            ? nil : Violation(Self.endName, "\(self) was not told of \(text(of: row, chronicle))")
    }

    mutating func isComplete(_ chronicle: Chronicle) -> Bool {
        while row < chronicle.rows.count, !wants(chronicle.rows[row]) { row += 1 }
        return row == chronicle.rows.count
    }

    // MARK: One event

    private mutating func take(_ event: WatchEvent, _ chronicle: Chronicle) -> Violation? {
        if let found = passOver(before: event.revision, chronicle) { return found }
        guard row < chronicle.rows.count, chronicle.rows[row].revision == event.revision,
            wants(chronicle.rows[row])
        else { return violation("is told of \(event.revision), which is not the next") }
        let expected = chronicle.rows[row]
        let told = Record(event.keyValue)
        let isRight =
            expected.isTombstone
            ? event.isDeletion && told.map { Array($0.key) } == expected.key
                && told?.modRevision == expected.revision.main && told?.createRevision == 0
                && told?.value.isEmpty == true
            : !event.isDeletion && event.keyValue == expected.record
        guard isRight else { return violation("is told a wrong event at \(event.revision)") }
        row += 1
        return checkPrevious(event, expected, chronicle)
    }

    /// What the key was before the event's transaction, unless that is compacted.
    private func checkPrevious(
        _ event: WatchEvent,
        _ expected: Chronicle.Row,
        _ chronicle: Chronicle
    ) -> Violation? {
        var before = expected.previous.map { chronicle.rows[$0] }
        while let row = before, row.revision.main == expected.revision.main {
            before = row.previous.map { chronicle.rows[$0] }
        }
        let known = before.flatMap { $0.isTombstone ? nil : $0.record }
        guard options.contains(.previous), let known else {
            return event.previous == nil
                ? nil : violation("is told of a former version at \(event.revision)")
        }
        if event.previous == known { return nil }
        if event.previous == nil, expected.revision.main - 1 < chronicle.compacted { return nil }
        return violation("is not told the former version at \(event.revision)")
    }

    /// Leaves out changes that do not concern it; one that does has been withheld.
    private mutating func passOver(before revision: Revision, _ chronicle: Chronicle) -> Violation?
    {
        while row < chronicle.rows.count, chronicle.rows[row].revision < revision {
            if wants(chronicle.rows[row]) {
                return violation("was not told of \(text(of: row, chronicle))")
            }
            row += 1
        }
        return nil
    }

    private func wants(_ row: Chronicle.Row) -> Bool {
        row.revision.main >= position && range.contains(row.key)
            && !options.contains(row.isTombstone ? .noDeletions : .noPuts)
    }

    private func violation(_ text: String) -> Violation {
        Violation(Self.name, "\(self) \(text)")
    }

    private func text(of row: Int, _ chronicle: Chronicle) -> String {
        let row = chronicle.rows[row]
        let key = String(decoding: row.key, as: UTF8.self)
        return "\(row.isTombstone ? "the deletion" : "the put") of \(key) at \(row.revision)"
    }
}

extension WatchChecker: CustomStringConvertible {
    var description: String { "\(owner), which knows all before revision \(position)," }
}
