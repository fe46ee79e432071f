/// Readers of single flag values, in Go's spellings.
enum FlagValue {
    /// Go's `strconv.ParseBool`.
    static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "TRUE", "true", "True": true
        case "0", "f", "F", "FALSE", "false", "False": false
        default: nil
        }
    }

    /// Go's duration notation in nanoseconds: `0`, `300ms`, `1.5h`, `1h30m`; nil when malformed,
    /// negative or longer than 292 years.
    static func nanoseconds(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        guard !text.isEmpty else { return nil }
        var rest = Substring(text)
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let scale = units[String(unit)] else { return nil }
            total += number * scale
        }
        return Int64(exactly: total.rounded())
    }

    private static let units: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3_600e9,
    ]

    /// Whether a value has the form its flag asks for; otherwise what was expected.
    static func mismatch(_ text: String, _ kind: Flag.Kind) -> String? {
        switch kind {
        case .text: nil
        case .boolean: boolean(text) == nil ? "true or false" : nil
        case .unsigned: UInt64(text) == nil ? "a number of 0 or more" : nil
        case .signed: Int64(text) == nil ? "a whole number" : nil
        case .duration: nanoseconds(text) == nil ? "a duration such as 100ms or 1h30m" : nil
        case .urls: nil  // read with its own errors, etcd's
        case .oneOf(let words):
            words.contains(text) ? nil : "one of " + words.joined(separator: ", ")
        }
    }
}
