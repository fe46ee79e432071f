/// What a scalar means.
package enum ScalarValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    /// A number that is not an integer of 64 bits, as it was written.
    case float(String)
    case string(String)
}

/// How a plain scalar's look decides what it is.
///
/// YAML 1.2's core schema, with the additions that Kubernetes' tools make (they follow YAML 1.1),
/// so that one file means the same here and there: `yes no on off` are booleans too. Where the two
/// disagree about a number (`010` is ten in 1.2 and eight in 1.1; `1_000` is a text in 1.2) it is
/// left a text, which whoever expects a number refuses with the place and the value.
///
///     null     ~ null Null NULL and nothing at all
///     boolean  true false yes no on off, also Capitalised or UPPER CASE
///     integer  12 -7 +3 0x1F 0o17
///     float    1.5 -1e9 .5 .inf -.INF .nan
///     string   everything else, and everything in quotes
package struct CoreSchema {
    package static func resolve(_ scalar: Node.Scalar, tag: Tag? = nil) -> ScalarValue {
        switch tag {
        case .string: return .string(scalar.text)
        case nil where scalar.style != .plain: return .string(scalar.text)
        case nil, .null, .boolean, .integer, .sequence, .mapping: return resolve(plain: scalar.text)
        case .float:
            let value = resolve(plain: scalar.text)
            if case .integer = value { return .float(scalar.text) }
            return value
        }
    }

    /// True when the value is of the kind its tag says.
    static func agrees(_ scalar: Node.Scalar, with tag: Tag) -> Bool {
        switch (tag, resolve(scalar, tag: tag)) {
        case (.string, .string), (.null, .null), (.boolean, .boolean), (.integer, .integer),
            (.float, .float):
            true
        default: false
        }
    }

    static func resolve(plain text: String) -> ScalarValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .boolean(true)
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
            return .boolean(false)
        default: break
        }
        let bytes = Array(text.utf8)
        guard bytes.count <= 400 else { return .string(text) }
        if isDecimal(bytes) { return Int64(text).map { .integer($0) } ?? .float(text) }
        if let value = prefixedInteger(text) { return value }
        return isFloat(bytes) ? .float(text) : .string(text)
    }

    private static func prefixedInteger(_ text: String) -> ScalarValue? {
        let radix =
            if text.hasPrefix("0x") { 16 } else if text.hasPrefix("0o") { 8 } else { 0 }
        let digits = text.dropFirst(2)
        guard radix != 0, let first = digits.first, first != "-", first != "+" else { return nil }
        return Int64(digits, radix: radix).map { .integer($0) }
    }

    private static func isDecimal(_ bytes: [UInt8]) -> Bool {
        let digits = withoutSign(bytes)
        return !digits.isEmpty && digits.allSatisfy(isDigit)
            && (digits.count == 1 || digits.first != 0x30)
    }

    /// `[-+]? ( .digits | digits [. digits?] ) ( [eE] [-+]? digits )?`, or infinity, or not a
    /// number. Leading zeros are left to texts, as for integers.
    private static func isFloat(_ bytes: [UInt8]) -> Bool {
        let unsigned = withoutSign(bytes)
        switch String(decoding: unsigned, as: UTF8.self) {
        case ".inf", ".Inf", ".INF": return true
        case ".nan", ".NaN", ".NAN": return unsigned.count == bytes.count
        default: break
        }
        var rest = unsigned[...]
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return false }
        guard whole.count <= 1 || whole.first != 0x30 else { return false }
        guard let mark = rest.first else { return true }
        guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") else { return false }
        let exponent = withoutSign(Array(rest.dropFirst()))
        return !exponent.isEmpty && exponent.allSatisfy(isDigit)
    }

    private static func withoutSign(_ bytes: [UInt8]) -> [UInt8] {
        bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+")
            ? Array(bytes.dropFirst()) : bytes
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

extension CoreSchema {
    /// The style in which a text is written so that every parser, of YAML 1.1 or 1.2, reads it as
    /// the same text.
    package static func style(forText text: String) -> Node.Scalar.Style {
        if text.contains("\n") { return .literal }
        if case .string = resolve(plain: text), !looksSpecial(text) { return .plain }
        return .doubleQuoted
    }

    /// Texts here that other parsers take for numbers, booleans, times or merge keys.
    private static func looksSpecial(_ text: String) -> Bool {
        if ["y", "Y", "n", "N", "<<", "="].contains(text) { return true }
        let bytes = withoutSign(Array(text.utf8))
        guard let first = bytes.first, isDigit(first) || first == UInt8(ascii: ".") else {
            return false
        }
        // Digits with separators: 010, 1_000, 12:30:00, 0b11, 2026-11-22T10:15:00Z. An address has
        // more than one point and stays plain.
        let separators = Array("_:-+.xobeEtTzZ ".utf8)
        guard bytes.allSatisfy({ isDigit($0) || separators.contains($0) || isHex($0) }) else {
            return false
        }
        return bytes.count { $0 == UInt8(ascii: ".") } < 2
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }
}
