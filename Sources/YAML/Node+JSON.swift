extension Node {
    /// The tree as JSON (RFC 8259) on several lines, in its own order, without a newline at the
    /// end.
    package var json: String {
        var writer = JSONWriter(isPretty: true)
        writer.write(self)
        return writer.text
    }

    /// The tree as JSON on one line, without spaces.
    package var compactJSON: String {
        var writer = JSONWriter(isPretty: false)
        writer.write(self)
        return writer.text
    }
}

private struct JSONWriter {
    let isPretty: Bool
    private(set) var text = ""
    private var depth = 0

    init(isPretty: Bool) {
        self.isPretty = isPretty
    }

    mutating func write(_ node: Node) {
        switch node.content {
        case .scalar(let scalar): write(CoreSchema.resolve(scalar, tag: node.tag))
        case .sequence(let items):
            list("[", "]", items) { writer, item in writer.write(item) }
        case .mapping(let pairs):
            list("{", "}", pairs) { writer, pair in
                writer.write(string: pair.key)
                writer.text += writer.isPretty ? ": " : ":"
                writer.write(pair.value)
            }
        }
    }

    private mutating func list<Item>(
        _ start: String,
        _ end: String,
        _ items: [Item],
        _ write: (inout JSONWriter, Item) -> Void
    ) {
        text += start
        depth += 1
        for (index, item) in items.enumerated() {
            if index > 0 { text += "," }
            breakLine()
            write(&self, item)
        }
        depth -= 1
        if !items.isEmpty { breakLine() }
        text += end
    }

    private mutating func breakLine() {
        guard isPretty else { return }
        text += "\n" + String(repeating: "  ", count: depth)
    }

    private mutating func write(_ value: ScalarValue) {
        switch value {
        case .null: text += "null"
        case .boolean(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += "\(number)"
        case .float(let written): write(float: written)
        case .string(let string): write(string: string)
        }
    }

    /// JSON knows neither infinity nor a sign `+` nor a bare point; what it cannot say stays a
    /// text.
    private mutating func write(float written: String) {
        if let number = Double(written), number.isFinite {
            text += "\(number)"
        } else {
            write(string: written)
        }
    }

    private mutating func write(string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
