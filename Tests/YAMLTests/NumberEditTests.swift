import TestKit
import Testing
import YAML

@Suite struct NumberEditTests {
    private static let path = ["spec", "replicas"]

    /// Before and after: 5 in place of what is there.
    private static let examples: [(String, String)] = [
        ("spec:\n  replicas: 3 # one\n  b: 1\n", "spec:\n  replicas: 5 # one\n  b: 1\n"),
        ("spec:\r\n  b: 1\r\n  replicas: 3\r\n", "spec:\r\n  b: 1\r\n  replicas: 5\r\n"),
        ("\"spec\":\n  'replicas':   3", "\"spec\":\n  'replicas':   5"),
        ("spec: {replicas: 3}", "spec: {replicas: 5}"),
        ("{\"spec\": {\"replicas\":3}}", "{\"spec\": {\"replicas\":5}}"),
        ("é: ü # ö\nspec: {replicas: 0x3, a: é}", "é: ü # ö\nspec: {replicas: 5, a: é}"),
        ("? spec\n: ? replicas\n  : 3\n", "? spec\n: ? replicas\n  : 5\n"),
        ("spec:\n  replicas:\n    3\n", "spec:\n  replicas:\n    5\n"),
        ("spec:\n  replicas: # none\n", "spec:\n  replicas: 5 # none\n"),
        ("spec:\n  replicas: ~\n", "spec:\n  replicas: 5\n"),
        // The number is missing.
        ("spec:\n  b: 1\n", "spec:\n  replicas: 5\n  b: 1\n"),
        (
            "spec: # s\n\n    # about b\n    b: 1",
            "spec: # s\n    replicas: 5\n\n    # about b\n    b: 1"
        ),
        (
            "a:\r\n spec: 1\r\nspec:\r\n b: 1\r\n",
            "a:\r\n spec: 1\r\nspec:\r\n replicas: 5\r\n b: 1\r\n"
        ),
        ("spec: {}", "spec: {replicas: 5}"),
        ("spec: { }", "spec: { replicas: 5 }"),
        ("spec: {b: [1, 2] }", "spec: {b: [1, 2], replicas: 5 }"),
        ("{\"spec\": {\"b\": 1}}", "{\"spec\": {\"b\": 1, \"replicas\": 5}}"),
        (
            "{spec: {b: 1, # one\n c: 2 # two\n }}",
            "{spec: {b: 1, # one\n c: 2, replicas: 5 # two\n }}"
        ),
        // All of it is missing.
        ("spec:\n", "spec:\n  replicas: 5\n"),
        ("spec: # nothing", "spec: # nothing\n  replicas: 5"),
        ("spec: null # nothing", "spec: {replicas: 5} # nothing"),
        ("{spec: , a: 1}", "{spec: {replicas: 5}, a: 1}"),
        ("a: 1\n", "a: 1\nspec:\n  replicas: 5\n"),
        ("a: 1", "a: 1\nspec:\n  replicas: 5"),
        ("a:\n- 1\n- 2 # two\n\n# end\n", "a:\n- 1\n- 2 # two\nspec:\n  replicas: 5\n\n# end\n"),
        ("a: |\n  x\n\n# end\n", "a: |\n  x\n\nspec:\n  replicas: 5\n# end\n"),
        ("a: |+\n  x\n\n", "a: |+\n  x\n\nspec:\n  replicas: 5\n"),
        ("  a: b\n  c: d\n", "  a: b\n  c: d\n  spec:\n    replicas: 5\n"),
        ("{\"a\": 1}\n", "{\"a\": 1, \"spec\": {\"replicas\": 5}}\n"),
        (
            "--- # first\na: 1\n...\n# end\n",
            "--- # first\na: 1\nspec:\n  replicas: 5\n...\n# end\n"
        ),
        // Anchors beside the way do not matter.
        ("a: &x 3\nb: *x\nspec: {replicas: 3}", "a: &x 3\nb: *x\nspec: {replicas: 5}"),
    ]

    @Test(arguments: examples)
    func `only the number changes`(before: String, after: String) throws {
        let edit = try NumberEdit(of: Array(before.utf8), setting: Self.path, to: 5)
        #expect(String(decoding: edit.bytes, as: UTF8.self) == after)
        #expect(try Node.parse(after)[0]["spec"]?["replicas"]?.mark == edit.mark)
    }

    @Test func `only the document that is meant changes`() throws {
        let text = "spec: {replicas: 1}\n---\nspec: {replicas: 1}\n---\n# nothing\n---\nspec: {}\n"
        let second = try NumberEdit(of: Array(text.utf8), setting: Self.path, to: 5, inDocument: 1)
        #expect(
            String(decoding: second.bytes, as: UTF8.self)
                == "spec: {replicas: 1}\n---\nspec: {replicas: 5}\n---\n# nothing\n---\nspec: {}\n"
        )
        let last = try NumberEdit(of: Array(text.utf8), setting: Self.path, to: 5, inDocument: 3)
        #expect(last.bytes.suffix(20) == Array("spec: {replicas: 5}\n".utf8))
    }

    private static let refused: [(String, String)] = [
        ("n: &n 3\nspec: {replicas: *n}", "2:18"), ("spec:\n  replicas: &n 3\nb: *n", "2:13"),
        ("spec: &s {replicas: 3}\nb: *s", "1:7"), ("a: &s {replicas: 3}\nspec: *s", "2:7"),
        ("&d\nspec: {replicas: 3}", "1:1"), ("spec: {replicas: !!int 3}", "1:18"),
        ("spec: {replicas: \"3\"}", "1:18"), ("spec: {replicas: [3]}", "1:18"),
        ("spec: [3]", "1:7"), ("spec: three", "1:7"), ("spec: {replicas}", "1:16"),
        ("k: &k replicas\nspec: {*k : 3}", "2:8"), ("spec:\n  replicas: |\n    3\n", "2:13"),
        ("# nothing", "1:1"), ("? spec\n: b: 1\n", "2:3"),
    ]

    @Test(arguments: refused)
    func `what is in doubt is refused with its place`(text: String, place: String) {
        let error = #expect(throws: YAMLError.self) {
            try NumberEdit(of: Array(text.utf8), setting: Self.path, to: 5)
        }
        #expect(error.map { "\($0.mark)" } == place, "\(error?.message ?? "")")
    }

    /// Any document that people may write is changed in one place, and says the same otherwise.
    @Test(arguments: Seed.batch(8))
    func `a random document says the same but for the number`(seed: Seed) throws {
        var generator = seed.generator()
        for _ in 0..<400 {
            var writer = RandomYAML(&generator)
            let count = 1 + generator.below(3)
            let text = writer.documents(count, &generator)
            let document = generator.below(count)
            let number = Int64(generator.below(100))
            let bytes = Array(text.utf8)
            let before = try Node.parse(bytes)
            let comment = Comment(rawValue: text.debugDescription)
            let edit: NumberEdit
            do {
                edit = try NumberEdit(
                    of: bytes,
                    setting: Self.path,
                    to: number,
                    inDocument: document
                )
            } catch {
                Issue.record("\(error) for \(text.debugDescription)")
                continue
            }
            let after = try Node.parse(edit.bytes)
            for (index, (old, new)) in zip(before, after).enumerated() {
                let wanted = index == document ? setting(old, Self.path[...], number) : old
                #expect(Meaning(new) == Meaning(wanted), comment)
            }
            #expect(isOneChange(from: bytes, to: edit.bytes), comment)
        }
    }

    @Test(arguments: Fuzz.seeds)
    func `any text is edited or refused`(seed: Seed) throws {
        let samples = Self.examples.map { Array($0.0.utf8) } + Self.refused.map { Array($0.0.utf8) }
        let words = [
            "spec", ":", "replicas: 3", "{", "}", "&a ", "*a", "\r", "#", "- ", "|\n", "? ",
        ]
        let mutation = Mutation(words: words.map { Array($0.utf8) }, maxCount: 400)
        var editedCount = 0
        try Fuzz.run(seed, rounds: 4000) { generator in
            let other = generator.pick(samples)
            let text = mutation.apply(to: generator.pick(samples), mixing: other, &generator)
            guard let before = try? Node.parse(text), let first = before.first,
                let edit = try? NumberEdit(of: text, setting: Self.path, to: 5)
            else { return }
            editedCount += 1
            let after = try Node.parse(edit.bytes)
            let comment = Comment(rawValue: String(decoding: text, as: UTF8.self).debugDescription)
            #expect(Meaning(after[0]) == Meaning(setting(first, Self.path[...], 5)), comment)
        }
        #expect(editedCount > 200)
    }

    /// The same tree with the number, put together in the plainest way.
    private func setting(_ node: Node, _ path: ArraySlice<String>, _ number: Int64) -> Node {
        guard let name = path.first else { return Node(.scalar(Node.Scalar("\(number)"))) }
        guard case .mapping(var pairs) = node.content else {
            return setting(Node(.mapping([])), path, number)
        }
        let rest = path.dropFirst()
        if let index = pairs.firstIndex(where: { $0.key == name }) {
            pairs[index] = Node.Pair(name, setting(pairs[index].value, rest, number))
        } else {
            pairs.append(Node.Pair(name, setting(Node(.mapping([])), rest, number)))
        }
        return Node(.mapping(pairs))
    }

    /// What is cut out of the old text for what the new one has there is at most a small value.
    private func isOneChange(from old: [UInt8], to new: [UInt8]) -> Bool {
        let head = zip(old, new).prefix { $0 == $1 }.count
        let tail = zip(old.dropFirst(head).reversed(), new.dropFirst(head).reversed())
            .prefix { $0 == $1 }.count
        return old.count - head - tail <= 4
    }
}

/// A tree as what it says: the order of keys, styles and places do not count.
private indirect enum Meaning: Hashable {
    case scalar(ScalarValue)
    case list([Meaning])
    case map([String: Meaning])

    init(_ node: Node) {
        switch node.content {
        case .scalar: self = .scalar(node.resolved ?? .null)
        case .sequence(let items): self = .list(items.map { Meaning($0) })
        case .mapping(let pairs):
            self = .map(Dictionary(uniqueKeysWithValues: pairs.map { ($0.key, Meaning($0.value)) }))
        }
    }
}
