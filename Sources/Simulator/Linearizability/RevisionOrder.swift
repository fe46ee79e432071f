/// Checks a history with the order that etcd's revisions give: the fast path.
///
/// Every answer carries a revision. A change has one of its own; what changes nothing stands
/// behind the change that made its revision. So the order is known, but for the changes whose
/// outcome no client learned: each fills one of the gaps.
///
///     revision  1        2          3         4             5
///               range    put a=1    ?         delete a      (nothing)
///                        range a              range a
///
/// Three things are checked: the order agrees with time (nothing stands before what had returned
/// when it was invoked), each answer is what a store gives at that point, and each gap can be
/// filled. Candidates for a gap are tried in turn; a contradiction goes back to the last gap whose
/// candidates have anything to do with the keys concerned.
///
/// This decides every history, unless too many gaps can be filled in too many ways.
struct RevisionOrder {
    enum Outcome {
        case linearizable
        case violation(String)
        /// The steps ran out.
        case undecided
    }

    /// A gap that has been filled, and what else could fill it.
    private struct Gap {
        let revision: Int64
        let position: Int
        let store: StoreModel
        var candidates: ArraySlice<Int>
        var chosen: Int
        /// The groups of keys on which a better choice here depends.
        var concerned: Set<Int>
    }

    /// Why it cannot go on.
    private struct Conflict {
        let concerned: Set<Int>
    }

    private let operations: [Operation]
    private let timeline: RevisionTimeline
    private let groups: KeyGroups
    /// Operations of unknown outcome that may have changed something, by their invocation.
    private let unknown: [Int]
    /// For each of them the groups of its keys; empty for the others.
    private let touched: [Set<Int>]
    private let evidence: RevisionEvidence

    private var store = StoreModel()
    private var position = 0
    private var gaps: [Gap] = []
    private var isUsed: [Bool]
    private var steps: Int
    /// The contradiction furthest on, which says most about a history that is wrong.
    private var furthest: (position: Int, revision: Int64, text: String)?

    static func check(_ operations: [Operation], steps: inout Int) -> Outcome {
        switch RevisionTimeline.order(operations) {
        case .failure(let contradiction): return .violation(contradiction.text)
        case .success(let timeline):
            var order = RevisionOrder(operations, timeline, steps)
            let outcome = order.run()
            steps = order.steps
            return outcome
        }
    }

    private init(_ operations: [Operation], _ timeline: RevisionTimeline, _ steps: Int) {
        self.operations = operations
        self.timeline = timeline
        self.steps = steps
        unknown = operations.indices
            .filter { operations[$0].response == nil && operations[$0].request.mayChange }
            .sorted { (operations[$0].invoked, $0) < (operations[$1].invoked, $1) }
        let groups = KeyGroups(operations, uniting: unknown)
        var touched = [Set<Int>](repeating: [], count: operations.count)
        for number in unknown { touched[number] = groups.touched(by: operations[number].request) }
        self.groups = groups
        self.touched = touched
        evidence = RevisionEvidence(operations)
        isUsed = [Bool](repeating: false, count: operations.count)
    }

    private mutating func run() -> Outcome {
        if timeline.gapCount > unknown.count {
            return .violation(timeline.tooManyGaps(unknown.count))
        }
        while true {
            guard steps > 0 else { return .undecided }
            var conflict = advance()
            if conflict == nil {
                if position == timeline.order.count { return .linearizable }
                conflict = openGap()
            }
            if let conflict, !goBack(conflict) {
                return .violation(furthest?.text ?? "no order exists")
            }
        }
    }

    /// Takes the operations whose place is known, up to the next gap or the end.
    private mutating func advance() -> Conflict? {
        while position < timeline.order.count {
            let number = timeline.order[position]
            let operation = operations[number]
            guard let told = operation.response else { fatalError("an unknown answer in order") }
            let isNext = told.revision == store.revision + 1 && timeline.isChange[number]
            guard told.revision == store.revision || isNext else { return nil }
            steps -= 1
            let before = store
            let expected = store.apply(operation.request)
            if expected != told {
                store = before
                if isFurthest { note(conflict(operation, told, expected)) }
                return Conflict(concerned: groups.touched(by: operation.request))
            }
            position += 1
        }
        return nil
    }

    /// Fills the gap at the next revision with its first candidate.
    private mutating func openGap() -> Conflict? {
        let revision = store.revision + 1
        let latest = timeline.earliestReturn[position]
        let inTime = unknown.prefix { operations[$0].invoked <= latest }
        var concerned = Set(evidence.rows(at: revision).flatMap { groups.touched(by: $0.key) })
        for number in inTime { concerned.formUnion(touched[number]) }
        let candidates = inTime.filter { number in
            guard !isUsed[number] else { return false }
            steps -= 1
            var after = store
            _ = after.apply(operations[number].request)
            return after.revision == revision
                && evidence.rows(at: revision).allSatisfy { row in
                    after.row(row.key).map { $0.value == row.value && $0.modRevision == revision }
                        == true
                }
        }
        let likely = evidence.mostLikelyFirst(candidates, operations, at: revision)
        guard let first = likely.first else {
            if isFurthest { note(unfilled(revision, tried: inTime.filter { isUsed[$0] })) }
            return Conflict(concerned: concerned)
        }
        gaps.append(
            Gap(
                revision: revision,
                position: position,
                store: store,
                candidates: likely.dropFirst(),
                chosen: first,
                concerned: concerned
            )
        )
        choose(first)
        return nil
    }

    /// Fills the last gap that the conflict concerns otherwise; false when there is none.
    private mutating func goBack(_ conflict: Conflict) -> Bool {
        var concerned = conflict.concerned
        while var gap = gaps.popLast() {
            isUsed[gap.chosen] = false
            if gap.concerned.isDisjoint(with: concerned) { continue }
            concerned.formUnion(gap.concerned)
            guard let next = gap.candidates.popFirst() else { continue }
            gap.chosen = next
            // What made the choice before this one fail counts when this one fails too.
            gap.concerned = concerned
            store = gap.store
            position = gap.position
            gaps.append(gap)
            choose(next)
            return true
        }
        return false
    }

    private mutating func choose(_ number: Int) {
        isUsed[number] = true
        steps -= 1
        _ = store.apply(operations[number].request)
    }
}

// What is said about a contradiction.
extension RevisionOrder {
    private var isFurthest: Bool {
        furthest.map { ($0.revision, $0.position) < (store.revision, position) } ?? true
    }

    private mutating func note(_ text: String) {
        furthest = (position, store.revision, text)
    }

    private func conflict(
        _ operation: Operation,
        _ told: Operation.Response,
        _ expected: Operation.Response
    ) -> String {
        var lines = [
            "\(operation)",
            "but at this point the answer must be \(expected), because of:",
        ]
        let shown = told.result.rows.map(\.modRevision) + expected.result.rows.map(\.modRevision)
        let keys = operation.request.ranges
        let present = store.rows.filter { row in keys.contains { $0.contains(row.key) } }
        let revisions = Set(shown + present.map(\.modRevision)).sorted().suffix(6)
        for revision in revisions { lines.append("revision \(revision): \(change(at: revision))") }
        if present.isEmpty { lines.append("no such key exists then") }
        return lines.joined(separator: "\n")
    }

    private func unfilled(_ revision: Int64, tried: [Int]) -> String {
        var lines = ["no operation can have made revision \(revision)"]
        for row in evidence.rows(at: revision).prefix(3) { lines.append("which shows in \(row)") }
        if revision > 1 { lines.append("before it: \(change(at: revision - 1))") }
        if position < timeline.order.count {
            lines.append("after it: \(operations[timeline.order[position]])")
        }
        for number in tried.suffix(3) {
            lines.append("counted before: \(operations[number])")
        }
        return lines.joined(separator: "\n")
    }

    private func change(at revision: Int64) -> String {
        if let known = timeline.change[revision] { return "\(operations[known])" }
        if let gap = gaps.first(where: { $0.revision == revision }) {
            return "\(operations[gap.chosen])"
        }
        return revision == 1 ? "the empty store" : "no operation of this history"
    }
}
