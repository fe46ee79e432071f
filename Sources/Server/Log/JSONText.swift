/// JSON made by hand: the few small documents of a member need no encoder.
package enum JSONText {
    /// A string with its quotes, control characters and quotes escaped.
    package static func string(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    /// The string of a key in a flat document, as long as it needs no escapes: for the few
    /// documents of our own whose values are numbers, names and versions.
    package static func plainString(_ key: String, in document: String) -> String? {
        let text = document.filter { $0 != " " && $0 != "\n" && $0 != "\t" && $0 != "\r" }
        guard let start = text.firstRange(of: "\"\(key)\":\"") else { return nil }
        return String(text[start.upperBound...].prefix { $0 != "\"" && $0 != "\\" })
    }
}
