import TestKit
import Testing
import YAML

@Suite struct NodeTests {
    @Test(arguments: Script.all(in: "parse"))
    func `a text is read into this tree or refused with this message`(script: Script) throws {
        try script.run { command in
            var limits = YAMLLimits()
            limits.maxDepth = command.value("depth").flatMap { Int($0) } ?? limits.maxDepth
            limits.maxNodes = command.value("nodes").flatMap { Int($0) } ?? limits.maxNodes
            limits.maxBytes = command.value("bytes").flatMap { Int($0) } ?? limits.maxBytes
            // Lines that a script cannot hold as they are: blank ones and tabs.
            let text = command.input.map { $0 == "_" ? "" : $0 }.joined(separator: "\n")
                .replacing("<tab>", with: "\t")
            do throws(YAMLError) {
                let documents = try Node.parse(text, limits: limits)
                return documents.map { outline($0) }.joined(separator: "---\n")
            } catch {
                return error.described(in: "file.yaml", text: text)
            }
        }
    }

    @Test func `what a tag says is not lost in writing`() throws {
        let text = "- !!bool \"yes\"\n- !!int '5'\n- !!null \"\"\n- !!str 5\n- !!float 1.5\n"
        let written = Node.yaml(try Node.parse(text))
        #expect(written == "- yes\n- 5\n-\n- \"5\"\n- 1.5\n")
    }

    @Test(arguments: Script.all(in: "emit"))
    func `a tree is written as this text and read back as the same tree`(script: Script) throws {
        try script.run { command in
            let documents = try Node.parse(command.input.joined(separator: "\n"))
            if command.name == "json" {
                return documents.map { command.has("compact") ? $0.compactJSON : $0.json }
                    .joined(separator: "\n")
            }
            let texts = documents.map(plainTexts)
            let written = Node.yaml(texts)
            let again = try Node.parse(written)
            #expect(
                again.map { outline($0, marks: false) } == texts.map { outline($0, marks: false) }
            )
            return written
        }
    }

    @Test func `a text is written so that it stays a text`() throws {
        let texts = [
            "", " ", "~", "null", "true", "no", "On", "y", "12", "-3", "010", "0x1f", "1_000",
            "1.5",
            "1e3", ".inf", "12:30:00", "2026-11-22", "2026-11-22T10:15:00Z", "<<", "=", "a: b",
            "- a",
            "#", "a #b", "'", "\"", "\\", "a\nb", "a\nb\n", "\n", "  a\n b", "\t", "é", "😀", "*a",
            "&a", "!a", "%a", "@a", "`a", "{", "[", "?", ":", "-", "---", "...", "a\u{7F}b",
            "\u{FEFF}", "\u{85}", "\u{2028}", "a ", " a", "127.0.0.1", "8Gi", "100ms",
        ]
        for text in texts {
            let style = CoreSchema.style(forText: text)
            let node = Node(
                .mapping([Node.Pair(text, Node(.scalar(Node.Scalar(text, style: style))))])
            )
            let written = Node.yaml([node])
            let again = try Node.parse(written)
            #expect(again.first?[text]?.resolved == .string(text), "\(written)")
        }
        #expect(CoreSchema.style(forText: "127.0.0.1") == .plain)
        #expect(CoreSchema.style(forText: "quickstart-0") == .plain)
        #expect(CoreSchema.style(forText: "3.6") == .doubleQuoted)
    }

    /// Without a bound, nine lines would become a billion values.
    @Test func `aliases of aliases are refused before they fill the memory`() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let uses = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(uses)]\n"
        }
        let error = #expect(throws: YAMLError.self) { try Node.parse(text) }
        #expect(error?.message.contains("repeated by aliases") == true)
    }

    @Test func `a deep chain of aliases is as deep as what it stands for`() throws {
        var text = "a0: &a0 \(nested(30))\n"
        for level in 1...5 {
            text += "a\(level): &a\(level) \(nested(30, around: "*a\(level - 1)"))\n"
        }
        let error = #expect(throws: YAMLError.self) { try Node.parse(text) }
        #expect(error?.message.contains("within each other") == true)
    }

    @Test(arguments: Seed.batch(40)) func `random bytes never crash the parser`(seed: Seed) throws {
        var random = seed.generator()
        let pieces = [
            "a: ", "- ", "[", "]", "{", "}", "&a ", "*a", "!!int ", "!x ", "\"", "'", "\n", "  ",
            "|\n", ">\n", "---\n", "...\n", "? ", ": ", ", ", "#", "\\u00e9", "\\x", "%YAML 1.2\n",
            "%TAG ! x\n", "<<: ", "\t", "\u{FEFF}", "é", "\u{0}", "1", ".nan", "~",
        ]
        var accepted = 0
        for _ in 0..<400 {
            var bytes: [UInt8] = []
            for _ in 0..<random.below(40) {
                if random.chance(0.1) {
                    bytes += random.bytes(1 + random.below(3))
                } else {
                    bytes += Array(random.pick(pieces).utf8)
                }
            }
            do throws(YAMLError) {
                let documents = try Node.parse(bytes)
                accepted += 1
                _ = documents.map(\.json)
                let written = Node.yaml(documents)
                #expect(throws: Never.self) { try Node.parse(written) }
            } catch {
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(!error.described(in: "fuzz", text: text).isEmpty)
                #expect(error.mark.line >= 1 && error.mark.column >= 1)
            }
        }
        #expect(accepted > 0)
    }
}

private func nested(_ depth: Int, around core: String = "x") -> String {
    String(repeating: "[", count: depth) + core + String(repeating: "]", count: depth)
}

/// The tree with every scalar written in the style that keeps its meaning.
private func plainTexts(_ node: Node) -> Node {
    switch node.content {
    case .scalar(let scalar):
        if case .string(let text) = node.resolved {
            return Node(.scalar(Node.Scalar(text, style: CoreSchema.style(forText: text))))
        }
        return Node(.scalar(Node.Scalar(scalar.text)))
    case .sequence(let items): return Node(.sequence(items.map(plainTexts)))
    case .mapping(let pairs):
        return Node(.mapping(pairs.map { Node.Pair($0.key, plainTexts($0.value)) }))
    }
}

/// One line for each value: place, key, kind, value.
private func outline(_ node: Node, marks: Bool = true, indent: String = "", key: String = "")
    -> String
{
    let place = marks ? node.mark.map { "\($0) " } ?? "" : ""
    let start = indent + place + key
    switch node.content {
    case .scalar:
        switch node.resolved {
        case .null: return "\(start)null\n"
        case .boolean(let flag): return "\(start)boolean \(flag)\n"
        case .integer(let number): return "\(start)integer \(number)\n"
        case .float(let text): return "\(start)float \(text)\n"
        case .string(let text): return "\(start)string \(text.debugDescription)\n"
        case nil: return "\(start)?\n"
        }
    case .sequence(let items):
        return "\(start)sequence\n"
            + items.map { outline($0, marks: marks, indent: indent + "  ") }.joined()
    case .mapping(let pairs):
        return "\(start)mapping\n"
            + pairs.map {
                let mark = marks ? $0.keyMark.map { "\($0) " } ?? "" : ""
                return outline(
                    $0.value,
                    marks: marks,
                    indent: indent + "  ",
                    key: "\(mark)\($0.key): "
                )
            }.joined()
    }
}
