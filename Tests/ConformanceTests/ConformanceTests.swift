import TestKit
import Testing

/// The same calls are answered the same by etcd-member and by real etcds: field by field, but for
/// what <doc:Conformance> lists.
///
/// What etcd 3.5.1 answered is recorded in the scenarios, so that etcd-member is held to it where
/// no etcd is installed. `UPDATE_TESTDATA=1` records anew what each of them answers; a difference
/// needs its `differs` line first.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ConformanceTests {
    @Test(arguments: Contender.allCases, Group.all)
    func `all answer as recorded`(contender: Contender, group: Group) async throws {
        try require(contender.testDescription, isThere: contender.program != nil)
        if contender == .ours, let reason = Group.unserved[group.name] {
            try skip("\(group.name): \(reason)")
        }
        let scenarios = try group.scenarios()
        let start = ContinuousClock.now
        let answers = try await answers(of: contender, to: scenarios)
        let time = ContinuousClock.now - start
        print("\(contender.testDescription) \(group.name): \(scenarios.count) in \(time)")
        var updates: [String: [Int: String]] = [:]
        for (scenario, answer) in zip(scenarios, answers) {
            let expected = scenario.expected(of: contender)
            let isOwn =
                contender == .v3_5 || expected.command.line != scenario.recorded.command.line
            if isOwn { updates[scenario.script.path, default: [:]][expected.command.line] = answer }
            if isOwn && environment("UPDATE_TESTDATA") != nil { continue }
            if !expected.expects(answer) {
                report(scenario, expected, "\(contender.testDescription) answers", answer)
            }
        }
        for (path, lines) in updates where environment("UPDATE_TESTDATA") != nil {
            try Script(path: path).rewrite(lines)
        }
    }

    private func report(
        _ scenario: Scenario,
        _ expected: Script.Exchange,
        _ what: String,
        _ answer: String
    ) {
        Issue.record(
            """
            \(scenario.script.path):\(expected.command.line): \(scenario.name)
            \(scenario.calls.joined(separator: "\n"))
            expected:
            \(expected.expected.joined(separator: "\n"))
            \(what):
            \(answer)
            """
        )
    }

    /// The transcripts of all scenarios, in their order: those that share a server one after the
    /// other, and beside them the others, a few at a time.
    private func answers(of contender: Contender, to scenarios: [Scenario]) async throws
        -> [String]
    {
        var answers = [String](repeating: "", count: scenarios.count)
        try await withThrowingTaskGroup(of: [(Int, String)].self) { group in
            let numbered = Array(scenarios.enumerated())
            let shared = numbered.filter { !$0.element.isAlone }
            if !shared.isEmpty {
                group.addTask {
                    let server = try await LoneServer(contender)
                    var answers: [(Int, String)] = []
                    for (number, scenario) in shared {
                        answers.append(
                            (number, try await Conversation.perform(scenario, on: server))
                        )
                    }
                    try await server.stop()
                    return answers
                }
            }
            var running = 0
            for (number, scenario) in numbered where scenario.isAlone {
                if running >= 4, let done = try await group.next() {
                    for (number, answer) in done { answers[number] = answer }
                    running -= 1
                }
                running += 1
                group.addTask {
                    let server = try await LoneServer(contender, flags: scenario.flags)
                    let answer = try await Conversation.perform(scenario, on: server)
                    try await server.stop()
                    return [(number, answer)]
                }
            }
            for try await done in group {
                for (number, answer) in done { answers[number] = answer }
            }
        }
        return answers
    }

    @Test func `there are enough scenarios, each with a name of its own`() throws {
        let names = try Group.all.flatMap { try $0.scenarios() }.map(\.name)
        #expect(names.count >= 250)
        #expect(Set(names).count == names.count, "\(repeated(names))")
    }

    private func repeated(_ names: [String]) -> [String] {
        Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    }

    @Test func `each difference is one, and the article explains it`() throws {
        let path = "\(repositoryRoot())/Sources/Docs.docc/Conformance.md"
        let article = String(decoding: try readFile(path), as: UTF8.self)
        for scenario in try Group.all.flatMap({ try $0.scenarios() }) {
            for (contender, exchange) in scenario.differences {
                let same = exchange.expects(scenario.recorded.expected.joined(separator: "\n"))
                #expect(!same, "\(scenario.name): \(contender) does not differ")
                #expect(article.contains("`\(scenario.name)`"), "\(scenario.name) is not explained")
            }
        }
    }
}
