/// Writes a JSON object the way Go's `encoding/json` does, byte for byte: no spaces, fields in the
/// order given, `<`, `>`, `&`, U+2028 and U+2029 escaped. What members write into the log and the
/// backend must not differ from what a real etcd beside them writes.
struct JSONWriter {
    private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

    /// The object's bytes; nothing can be added afterwards.
    consuming func finished() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    mutating func field(_ name: String, _ number: UInt64) {
        key(name)
        append(String(number))
    }

    mutating func field(_ name: String, whole number: some FixedWidthInteger) {
        key(name)
        append(String(number))
    }

    mutating func field(_ name: String, _ flag: Bool) {
        key(name)
        append(flag ? "true" : "false")
    }

    mutating func field(_ name: String, _ text: String) {
        key(name)
        quoted(text)
    }

    /// No texts are `null`, which is how Go writes a list that was never made.
    mutating func field(_ name: String, _ texts: [String]) {
        key(name)
        if texts.isEmpty { append("null") } else { list(texts) { $0.quoted($1) } }
    }

    mutating func field(_ name: String, _ numbers: [UInt64]) {
        key(name)
        list(numbers) { $0.append(String($1)) }
    }

    mutating func field(_ name: String, _ object: consuming JSONWriter) {
        key(name)
        bytes.append(contentsOf: object.finished())
    }

    mutating func nullField(_ name: String) {
        key(name)
        append("null")
    }

    private mutating func key(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        quoted(name)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func list<Item>(_ items: [Item], _ write: (inout JSONWriter, Item) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for (position, item) in items.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            write(&self, item)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func quoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case "\u{8}": append("\\b")
            case "\u{C}": append("\\f")
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                append("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
            default:
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
