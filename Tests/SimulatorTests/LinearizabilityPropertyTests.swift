import Simulator
import TestKit
import Testing

private typealias Checker = LinearizabilityChecker

/// The three ways against each other and against a checker that tries every order.
@Suite struct LinearizabilityPropertyTests {
    @Test(arguments: Seed.batch(60))
    func `what one store answered is always accepted`(seed: Seed) {
        var random = RandomHistory(seed.generator())
        random.hasOnlySingleKeys = seed.value.isMultiple(of: 3)
        let history = random.operations(40)
        #expect(Checker.verdict(on: history, by: .revisions) == .linearizable)
        #expect(Checker.verdict(on: history, by: .search) == .linearizable)
        if random.hasOnlySingleKeys {
            #expect(Checker.verdict(on: history, by: .keys) == .linearizable)
        }
        #expect(Checker.check(history) == nil)
    }

    @Test(arguments: Seed.batch(40), Spoiling.allCases)
    func `one wrong answer is rejected by the fast way and by the slow one`(
        seed: Seed,
        spoiling: Spoiling
    ) {
        var random = RandomHistory(seed.generator())
        if spoiling == .lostWrite { random.unknownRate = 0 }
        let history = random.operations(25)
        guard let wrong = spoiling.applied(to: history, &random.generator) else { return }
        for way in [Checker.Way.revisions, .search] {
            guard case .violation(let violation) = Checker.verdict(on: wrong, by: way) else {
                Issue.record("accepted by \(way)")
                continue
            }
            #expect(violation.text.contains("client ") || violation.text.contains("revision"))
        }
        #expect(Checker.check(wrong) != nil)
    }

    @Test(arguments: Seed.batch(100))
    func `on small histories, right or wrong, all agree with trying every order`(seed: Seed) {
        var generator = seed.generator()
        var counts = (right: 0, wrong: 0)
        for _ in 0..<50 {
            let history = smallHistory(&generator)
            let isRight = isLinearizableByPermutation(history)
            if isRight { counts.right += 1 } else { counts.wrong += 1 }
            let text = history.map(\.description).joined(separator: "\n")
            for way in [Checker.Way.revisions, .search]
            where (Checker.verdict(on: history, by: way) == .linearizable) != isRight {
                Issue.record("\(way) says the contrary of \(isRight):\n\(text)")
            }
            if (Checker.check(history) == nil) != isRight { Issue.record("check: \(text)") }
            if isRight, case .violation(let found) = Checker.verdict(on: history, by: .keys) {
                Issue.record("by keys: \(found)\n\(text)")
            }
        }
        // Else this would prove little.
        #expect(counts.right > 1 && counts.wrong > 1, "\(counts)")
    }

    /// Six operations, of which some were changed in a way that may or may not make them wrong.
    private func smallHistory(_ generator: inout Generator) -> [Operation] {
        var random = RandomHistory(Generator(seed: generator.next()))
        random.keys = ["a", "b"]
        random.hasOnlySingleKeys = generator.chance(0.3)
        random.spread = 40
        random.unknownRate = generator.pick([0.1, 0.3, 0.6])
        var history = random.operations(6)
        for _ in 0..<generator.below(4) { disturb(&history, &generator) }
        return history
    }

    @Test(arguments: Seed.batch(3))
    func `a long history is checked at once`(seed: Seed) {
        var random = RandomHistory(seed.generator())
        random.keys = (0..<20).map { "key\($0)" }
        random.unknownRate = 0.02
        random.spread = 200
        let history = random.operations(10_000)
        #expect(Checker.verdict(on: history, by: .revisions) == .linearizable)
    }

    private func disturb(_ history: inout [Operation], _ generator: inout Generator) {
        let number = generator.below(history.count)
        switch generator.below(4) {
        case 0: history[number].response?.revision += Int64(generator.below(3)) - 1
        case 1:
            let end = history[number].returned.map { min($0, history[number].invoked + 1) }
            history[number].returned = end
        case 2:
            history[number].response = nil
            history[number].returned = nil
        default:
            let other = generator.below(history.count)
            let response = history[number].response
            guard history[other].response != nil, response != nil else { return }
            history[number].response = history[other].response
            history[other].response = response
        }
    }
}
