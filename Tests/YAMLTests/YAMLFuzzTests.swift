import TestKit
import Testing
import YAML

/// Any text is read or refused, within a bound of time and memory; what was read is written so
/// that it is read as the same. `FUZZ_SECONDS=n` and `SEED=n` as in `Fuzz`.
@Suite(.serialized) struct YAMLFuzzTests {
    private static let words: [String] =
        ["{", "}", "[", "]", ": ", "- ", "? ", "&a ", "*a", "!!str ", "!", "<<: ", "|\n", ">-\n"]
        + ["---\n", "...\n", "\n", "\t", "#", "\"", "'", "\\x00", "%YAML 1.2\n", "%TAG ! x\n"]
        + ["\u{FEFF}", "\u{85}", "\u{2028}", "é", "\u{0}", "0x1F", "1e9", "null", ".inf", "~"]

    private static func samples() throws -> [[UInt8]] {
        let root = repositoryRoot()
        let folders = ["Manifests/samples", "Tests/YAMLTests/Testdata/parse"]
        return try folders.flatMap { folder in
            try fileNames(in: "\(root)/\(folder)").sorted().map {
                try readFile("\(root)/\(folder)/\($0)")
            }
        }
    }

    @Test(arguments: Fuzz.seeds)
    func `a changed text is refused, or comes back as it was read`(seed: Seed) throws {
        let samples = try Self.samples()
        let mutation = Mutation(words: Self.words.map { Array($0.utf8) }, maxCount: 1 << 14)
        var readCount = 0
        try Fuzz.run(seed, rounds: 5000) { generator in
            let sample = generator.pick(samples)
            let start = generator.below(max(1, sample.count - 2000))
            let part = generator.chance(0.5) ? sample : Array(sample[start...].prefix(2000))
            let bytes = mutation.apply(to: part, mixing: generator.pick(samples), &generator)
            let before = Fuzz.threadSeconds()
            let documents = try? Node.parse(bytes)
            #expect(Fuzz.threadSeconds() - before < 2, "slow: \(bytes)")
            guard let documents else { return }
            readCount += 1
            // A document of nothing is written as nothing; marks differ.
            let content = documents.filter { !$0.isNull }.map(\.compactJSON)
            let text = Node.yaml(documents)
            let again = try Node.parse(text, limits: Self.wide).filter { !$0.isNull }
            if again.map(\.compactJSON) != content {
                let source = String(decoding: bytes, as: UTF8.self)
                Issue.record("\(source.debugDescription) is written as \(text.debugDescription)")
            }
        }
        #expect(readCount > 100)
    }

    /// For what aliases have made longer.
    private static var wide: YAMLLimits {
        var limits = YAMLLimits()
        limits.maxBytes = 1 << 26
        return limits
    }

    /// Texts of up to a megabyte that are small to say and much to do.
    private static let bombs: [(name: String, text: String)] = [
        ("open lists", String(repeating: "[", count: 1 << 20)),
        ("open maps", String(repeating: "{a: ", count: 1 << 18)),
        ("lists of lists", String(repeating: "- ", count: 1 << 19)),
        ("explicit keys", String(repeating: "? ", count: 1 << 19)),
        ("deep indentation", indented(1400)),
        ("aliases of aliases", aliases(levels: 60)),
        ("one alias many times", "a: &x [1,2,3]\nb: [" + repeated("*x", 60_000) + "]"),
        ("an anchor many times", "[" + repeated("&a 1", 90_000) + "]"),
        ("documents", String(repeating: "---\n", count: 1 << 18)),
        ("a huge plain scalar", String(repeating: "a", count: 1 << 20)),
        ("a huge quoted scalar", "\"" + String(repeating: "\\x41", count: 1 << 18) + "\""),
        ("a folded scalar", ">\n" + String(repeating: " a\n", count: 300_000)),
        ("a literal of breaks", "|\n" + String(repeating: "\n", count: 1 << 20)),
        ("comments", String(repeating: "#\n", count: 1 << 19)),
        ("spaces", String(repeating: " ", count: 1 << 20)),
        ("tag directives", tagDirectives(40_000)),
        ("digits", "a: " + String(repeating: "9", count: 1 << 20)),
        ("keys", (0..<60_000).map { "k\($0): \n" }.joined()),
        ("flow keys", "{" + repeated("a", 200_000) + "}"),
        ("question marks", "{" + String(repeating: "?", count: 1 << 20)),
        ("colons", String(repeating: ":", count: 1 << 20)),
        ("colons and spaces", String(repeating: ": ", count: 1 << 19)),
        ("brackets in turn", String(repeating: "[]", count: 1 << 19)),
        ("lists of one", String(repeating: "[],", count: 300_000)),
        ("a long tag", "!<" + String(repeating: "x", count: 1 << 20) + "> a"),
        ("escaped tag", "!!" + String(repeating: "%41", count: 300_000) + " a"),
        ("a long anchor", "&" + String(repeating: "x", count: 1 << 20) + " a"),
        ("quotes", String(repeating: "\"\" ", count: 300_000)),
    ]

    @Test(arguments: bombs.map(\.name))
    func `what is small to say and much to do ends soon`(name: String) throws {
        let text = Self.bombs.first { $0.name == name }?.text ?? ""
        let bytes = Array(text.utf8.prefix(1 << 20))
        let memory = try Fuzz.residentBytes()
        let start = Fuzz.threadSeconds()
        let documents = try? Node.parse(bytes)
        #expect(Fuzz.threadSeconds() - start < 3, "\(documents?.count ?? -1) documents")
        #expect(try Fuzz.residentBytes() - memory < 400 << 20)
    }

    private static func repeated(_ item: String, _ count: Int) -> String {
        Array(repeating: item, count: count).joined(separator: ",")
    }

    private static func indented(_ depth: Int) -> String {
        (0..<depth).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    }

    private static func aliases(levels: Int) -> String {
        (0..<levels).map { level in
            level == 0
                ? "a0: &a0 [x,x,x,x,x,x,x,x]\n"
                : "a\(level): &a\(level) [" + repeated("*a\(level - 1)", 8) + "]\n"
        }.joined()
    }

    private static func tagDirectives(_ count: Int) -> String {
        (0..<count).map { "%TAG !t\($0)! tag:x\n" }.joined() + "--- a\n"
    }
}
