import TestKit

/// Writes documents as people do: blocks and braces, any indentation, comments and blank lines
/// anywhere, one kind of line ends for a text. Each has `metadata` and most have `spec`, with or
/// without `replicas`.
struct RandomYAML {
    private let newline: String
    private let step: Int

    init(_ generator: inout Generator) {
        newline = generator.pick(["\n", "\n", "\r\n"])
        step = generator.within(1...4)
    }

    mutating func documents(_ count: Int, _ generator: inout Generator) -> String {
        var text = (0..<count).map { _ in document(&generator) }
            .joined(separator: "---\(generator.pick(["", " # next"]))\(newline)")
        if generator.chance(0.1) { text = "---\(newline)" + text }
        if generator.chance(0.2), text.hasSuffix(newline) {
            // \r\n is one character.
            text = String(text.dropLast())
        }
        return text
    }

    private func document(_ generator: inout Generator) -> String {
        if generator.chance(0.2) { return flowMap(top(&generator), &generator) + newline }
        var text = filler(0, &generator)
        for (key, value) in top(&generator) {
            text += entry(key, value, indent: 0, &generator)
        }
        return text
    }

    private indirect enum Value {
        case scalar(String)
        case list([Value])
        case map([(String, Value)])
    }

    private func top(_ generator: inout Generator) -> [(String, Value)] {
        var pairs: [(String, Value)] = [
            ("apiVersion", .scalar("v1")), ("metadata", .map([("name", .scalar("x"))])),
        ]
        if generator.chance(0.9) { pairs.append(("spec", spec(&generator))) }
        if generator.chance(0.5) { pairs.append(("extra", value(2, &generator))) }
        generator.shuffle(&pairs)
        return pairs
    }

    private func spec(_ generator: inout Generator) -> Value {
        if generator.chance(0.1) { return .scalar(generator.pick(["", "~", "null"])) }
        var pairs: [(String, Value)] = []
        for index in 0..<generator.below(4) { pairs.append(("k\(index)", value(2, &generator))) }
        if generator.chance(0.6) {
            pairs.append(("replicas", .scalar(generator.pick(["3", "0", "7", "0x1F", "", "~"]))))
        }
        generator.shuffle(&pairs)
        return .map(pairs)
    }

    private func value(_ depth: Int, _ generator: inout Generator) -> Value {
        switch depth == 0 ? 0 : generator.below(4) {
        case 0, 1:
            .scalar(
                generator.pick([
                    "1", "true", "text", "two words", "\"quoted # no comment\"", "'it''s'", "a:b",
                    "é ü", "8Gi", "-1.5", "null",
                ])
            )
        case 2: .list((0..<generator.below(4)).map { _ in value(depth - 1, &generator) })
        default:
            .map((0..<generator.below(4)).map { ("n\($0)", value(depth - 1, &generator)) })
        }
    }

    /// `key: value` on lines of its own.
    private func entry(
        _ key: String,
        _ value: Value,
        indent: Int,
        _ generator: inout Generator
    ) -> String {
        let margin = String(repeating: " ", count: indent)
        let name = generator.chance(0.15) ? "\"\(key)\"" : key
        let head = "\(margin)\(name):"
        switch value {
        case .scalar(let text) where text == "text" && generator.chance(0.3):
            let body = margin + String(repeating: " ", count: step)
            return "\(head) |\(newline)\(body)first # no comment\(newline)\(body)second\(newline)"
        case .scalar(let text): return "\(head)\(text.isEmpty ? "" : " ")\(text)" + end(&generator)
        case .map(let pairs) where !pairs.isEmpty && generator.chance(0.75):
            let inner = indent + step
            var text = head + end(&generator) + filler(inner, &generator)
            for (key, value) in pairs {
                text += entry(key, value, indent: inner, &generator) + filler(inner, &generator)
            }
            return text
        case .list(let items) where !items.isEmpty && generator.chance(0.75):
            let inner = indent + generator.pick([0, step])
            let dash = String(repeating: " ", count: inner) + "- "
            return items.reduce(head + end(&generator)) { text, item in
                text + dash + flow(item, &generator) + end(&generator)
            }
        case .map, .list: return "\(head) \(flow(value, &generator))" + end(&generator)
        }
    }

    private func flow(_ value: Value, _ generator: inout Generator) -> String {
        switch value {
        case .scalar(let text): text.isEmpty ? "~" : text
        case .list(let items):
            "[" + items.map { flow($0, &generator) }.joined(separator: ", ") + "]"
        case .map(let pairs): flowMap(pairs, &generator)
        }
    }

    private func flowMap(_ pairs: [(String, Value)], _ generator: inout Generator) -> String {
        let space = generator.pick(["", " "])
        let items = pairs.map { "\($0.0): \(flow($0.1, &generator))" }
        return "{\(space)" + items.joined(separator: ", ") + "\(space)}"
    }

    private func end(_ generator: inout Generator) -> String {
        generator.pick(["", "", "", " # why: {not} [this]", "   #"]) + newline
    }

    /// Comments and blank lines between others.
    private func filler(_ indent: Int, _ generator: inout Generator) -> String {
        let margin = String(repeating: " ", count: generator.pick([0, indent]))
        return switch generator.below(8) {
        case 0: newline
        case 1: "\(margin)# replicas: 9\(newline)"
        case 2: "\(newline)\(margin)# spec:\(newline)\(newline)"
        default: ""
        }
    }
}
