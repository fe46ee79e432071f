import Simulator
import TestKit
import Testing

private typealias Checker = LinearizabilityChecker

/// Histories written by hand, each with what is wrong in it.
@Suite struct LinearizabilityTests {
    /// The verdict of every way, and the text of the first violation.
    private func check(
        _ history: [Operation],
        isLinearizable: Bool,
        _ location: SourceLocation = #_sourceLocation
    ) -> String {
        for way in [Checker.Way.revisions, .search] {
            let verdict = Checker.verdict(on: history, by: way)
            #expect(
                (verdict == .linearizable) == isLinearizable,
                "\(way): \(verdict)",
                sourceLocation: location
            )
        }
        #expect(isLinearizableByPermutation(history) == isLinearizable, sourceLocation: location)
        let violation = Checker.check(history)
        #expect((violation == nil) == isLinearizable, sourceLocation: location)
        return violation?.text ?? ""
    }

    @Test func `nothing and one thing are linearizable`() {
        #expect(check([], isLinearizable: true) == "")
        #expect(check([put("a", "1", 0, 9, 2)], isLinearizable: true) == "")
        #expect(check([get("a", 0, 9, 1)], isLinearizable: true) == "")
        #expect(!check([put("a", "1", 0, 9, 3)], isLinearizable: false).isEmpty)
    }

    @Test func `a stale read is a violation, and one that overlaps is not`() {
        let one = put("a", "1", 0, 10, 2)
        let two = put("a", "2", 20, 30, 3)
        let old = row("a", "1", 2, 2, 1)
        let text = check([one, two, get("a", 40, 50, 2, old)], isLinearizable: false)
        #expect(text.contains("client 0 [20, 30] put a=2 -> revision 3"))
        #expect(text.contains("client 0 [40, 50] range a -> revision 2: a=1"))
        #expect(check([one, two, get("a", 25, 50, 2, old)], isLinearizable: true) == "")
        #expect(check([one, two, get("a", 30, 50, 2, old)], isLinearizable: true) == "")
        // The revision is new, what it shows is not.
        _ = check([one, two, get("a", 40, 50, 3, old)], isLinearizable: false)
    }

    @Test func `a lost write is a violation`() {
        let text = check(
            [put("a", "1", 0, 10, 2), get("a", 20, 30, 1)],
            isLinearizable: false
        )
        #expect(text.contains("put a=1"))
        // Its revision was given to another one.
        _ = check([put("a", "1", 0, 10, 2), put("b", "2", 20, 30, 2)], isLinearizable: false)
        // Its revision was made by nobody.
        let hole = check(
            [put("a", "1", 0, 10, 2), put("b", "2", 20, 30, 4)],
            isLinearizable: false
        )
        #expect(hole.contains("the first of them 3"))
    }

    @Test func `a write applied twice is a violation`() {
        let history = [
            put("a", "1", 0, 10, 2), get("a", 20, 30, 3, row("a", "1", 2, 3, 2)),
        ]
        _ = check(history, isLinearizable: false)
        // Unless somebody else may have written it.
        _ = check(history + [put("a", "1", 5)], isLinearizable: true)
        // Of unknown outcome does not mean any number of times.
        _ = check(
            [put("a", "1", 0), get("a", 20, 30, 3, row("a", "1", 2, 3, 2))],
            isLinearizable: false
        )
    }

    @Test func `a write that was seen stays seen`() {
        let unknown = put("a", "1", 0)
        let seen = get("a", 10, 20, 2, row("a", "1", 2, 2, 1))
        _ = check([unknown, seen, get("a", 30, 40, 1)], isLinearizable: false)
        _ = check([unknown, seen, get("a", 15, 40, 1)], isLinearizable: true)
        _ = check([unknown, get("a", 5, 9, 1), seen], isLinearizable: true)
    }

    @Test func `a write of unknown outcome may take effect late, or never, but not early`() {
        let unknown = put("a", "1", 100)
        let later = put("b", "2", 200, 210, 2)
        let late = [get("a", 220, 230, 2), get("a", 240, 250, 3, row("a", "1", 3, 3, 1))]
        _ = check([unknown, later] + late, isLinearizable: true)
        _ = check([unknown, later, get("a", 220, 230, 2)], isLinearizable: true)
        _ = check(
            [unknown, get("a", 50, 60, 2, row("a", "1", 2, 2, 1))],
            isLinearizable: false
        )
    }

    @Test func `a transaction that holds on what is no more is a violation`() {
        let lock = { (client: Int, start: Int, end: Int, revision: Int64, won: Bool) in
            Operation(
                client: client,
                invoked: start,
                returned: end,
                request: .txn(
                    compares: [.init("a", .equal, .createRevision(0))],
                    success: [.put(key: "a", value: "\(client)")],
                    failure: [.range(.init("a"))]
                ),
                response: .init(
                    revision: revision,
                    result: .txn(
                        succeeded: won,
                        results: won ? [.put] : [.range([row("a", "1", 2, 2, 1)])]
                    )
                )
            )
        }
        _ = check([lock(1, 0, 10, 2, true), lock(2, 5, 15, 2, false)], isLinearizable: true)
        let text = check(
            [lock(1, 0, 10, 2, true), lock(2, 5, 15, 3, true)],
            isLinearizable: false
        )
        #expect(text.contains("create(a) = 0"))
        let stale = Operation(
            client: 3,
            invoked: 20,
            returned: 30,
            request: .txn(
                compares: [.init("a", .equal, .modRevision(2))],
                success: [.put(key: "a", value: "9")],
                failure: []
            ),
            response: .init(revision: 4, result: .txn(succeeded: true, results: [.put]))
        )
        let before = [put("a", "1", 0, 1, 2), put("a", "2", 2, 3, 3)]
        #expect(check(before + [stale], isLinearizable: false).contains("mod(a) = 2"))
    }

    @Test func `a revision that goes back is a violation`() {
        let text = check(
            [put("a", "1", 0, 10, 3), put("b", "1", 20, 30, 2)],
            isLinearizable: false
        )
        #expect(text.contains("goes back to revision 2"))
        let early = check(
            [get("b", 0, 5, 2, row("b", "1", 2, 2, 1)), put("b", "1", 10, 20, 2)],
            isLinearizable: false
        )
        #expect(early.contains("before the second, which made it, began"))
    }

    @Test func `an answer of another kind is a violation`() {
        var wrong = put("a", "1", 0, 10, 2)
        wrong.response?.result = .delete(count: 1)
        #expect(check([wrong], isLinearizable: false).contains("does not fit the request"))
    }

    @Test func `by keys, each key is judged on its own and the header is not looked at`() {
        let one = put("a", "1", 0, 10, 2)
        let two = put("a", "2", 20, 30, 3)
        #expect(Checker.verdict(on: [one, two], by: .keys) == .linearizable)
        let stale = get("a", 40, 50, 3, row("a", "1", 2, 2, 1))
        guard case .violation(let found) = Checker.verdict(on: [one, two, stale], by: .keys) else {
            Issue.record("the stale read was not found")
            return
        }
        #expect(found.text.contains("on the key a"))
        var range = get("a", 40, 50, 3)
        range.request = .range(.init("a", end: "c"))
        guard case .undecided = Checker.verdict(on: [range], by: .keys) else {
            Issue.record("a range is not one key")
            return
        }
    }

    @Test func `without steps there is no verdict, and it is said`() {
        let history = [put("a", "1", 0, 10, 2), put("a", "2", 5, 12, 3)]
        for way in Checker.Way.allCases {
            guard case .undecided = Checker.verdict(on: history, by: way, steps: 0) else {
                Issue.record("\(way)")
                continue
            }
        }
    }

    @Test func `many unknown writes do not hide a violation elsewhere`() {
        // Forty writes nobody saw fill twenty gaps, in far too many ways to try.
        var history = (0..<40).map { put("x\($0)", "u\($0)", 0) }
        for number: Int64 in 0..<20 {
            let time = Int(number) * 10
            history.append(put("k", "\(number)", 10 + time, 12 + time, 3 + 2 * number))
        }
        #expect(Checker.verdict(on: history, by: .revisions) == .linearizable)
        history.append(get("k", 500, 510, 42, row("k", "18", 3, 41, 20)))
        guard case .violation(let found) = Checker.verdict(on: history, by: .revisions) else {
            Issue.record("the stale read was not found")
            return
        }
        #expect(found.text.contains("client 0 [500, 510] range k"))
    }
}

private func put(
    _ key: String,
    _ value: String,
    _ invoked: Int,
    _ returned: Int? = nil,
    _ revision: Int64 = 0
) -> Operation {
    Operation(
        client: 0,
        invoked: invoked,
        returned: returned,
        request: .put(key: key, value: value),
        response: returned.map { _ in .init(revision: revision, result: .put) }
    )
}

private func get(
    _ key: String,
    _ invoked: Int,
    _ returned: Int,
    _ revision: Int64,
    _ rows: Operation.Row...
) -> Operation {
    Operation(
        client: 0,
        invoked: invoked,
        returned: returned,
        request: .range(.init(key)),
        response: .init(revision: revision, result: .range(rows))
    )
}

private func row(
    _ key: String,
    _ value: String,
    _ created: Int64,
    _ modified: Int64,
    _ version: Int64
) -> Operation.Row {
    Operation.Row(
        key: key,
        value: value,
        createRevision: created,
        modRevision: modified,
        version: version
    )
}
