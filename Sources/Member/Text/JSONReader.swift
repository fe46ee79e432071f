/// The parser behind `JSONValue`: strict RFC 8259, bounded in depth; its memory is bounded by the
/// input's size.
struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0
    private static let maxDepth = 32

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw error("something follows the value") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < JSONReader.maxDepth else { throw error("nested too deeply") }
        skipSpace()
        guard let byte = peek else { throw error("a value was expected") }
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error("a value was expected")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var fields: [(name: String, value: JSONValue)] = []
        skipSpace()
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw error("a name was expected") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw error("a colon was expected") }
            fields.append((name, try value(depth: depth + 1)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw error("a comma or the end of the object was expected") }
        return .object(fields)
    }

    private mutating func list(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var items: [JSONValue] = []
        skipSpace()
        if take("]") { return .list([]) }
        repeat {
            items.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw error("a comma or the end of the list was expected") }
        return .list(items)
    }

    private mutating func literal(
        _ word: StaticString,
        _ value: JSONValue
    ) throws(JSONError) -> JSONValue {
        let expected = Array(word.description.utf8)
        guard bytes[position...].starts(with: expected) else { throw error("unknown word") }
        position += expected.count
        return value
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        var isWhole = !take("-")
        let digits = position
        skipDigits()
        guard position > digits else { throw error("a digit was expected") }
        if bytes[digits] == UInt8(ascii: "0"), position > digits + 1 {
            throw error("a number begins with 0")
        }
        if take(".") {
            isWhole = false
            let fraction = position
            skipDigits()
            guard position > fraction else { throw error("a digit was expected") }
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            let exponent = position
            skipDigits()
            guard position > exponent else { throw error("a digit was expected") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = UInt64(text) { return .number(value) }
        return .otherNumber(text)
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                // What is not UTF-8 becomes U+FFFD, as in Go.
                return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                content.append(contentsOf: try escape())
            case 0..<0x20:
                throw error("a control character in a string")
            default:
                content.append(byte)
            }
        }
        throw error("the string does not end")
    }

    private mutating func escape() throws(JSONError) -> [UInt8] {
        guard let byte = peek else { throw error("the string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw error("unknown escape")
        }
    }

    /// The UTF-8 of `XXXX` or of a surrogate pair `XXXX\uXXXX`; a lone surrogate becomes U+FFFD.
    private mutating func unicodeEscape() throws(JSONError) -> [UInt8] {
        let unit = try hexadecimalUnit()
        var value = UInt32(unit)
        if UTF16.isLeadSurrogate(unit), bytes[position...].starts(with: Array("\\u".utf8)) {
            let beforeTrail = position
            position += 2
            let trail = try hexadecimalUnit()
            if UTF16.isTrailSurrogate(trail) {
                value = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(trail) - 0xDC00)
            } else {
                position = beforeTrail
            }
        }
        return Array(String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8)
    }

    private mutating func hexadecimalUnit() throws(JSONError) -> UInt16 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, let unit = UInt16(hexadecimal: digits) else {
            throw error("four hexadecimal digits were expected")
        }
        position += 4
        return unit
    }

    private var peek: UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func skipDigits() {
        while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
    }

    private func error(_ reason: String) -> JSONError {
        JSONError(offset: position, reason: reason)
    }
}

extension UInt16 {
    /// Of hexadecimal digits only; no sign, no prefix.
    fileprivate init?(hexadecimal digits: ArraySlice<UInt8>) {
        var value: UInt16 = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: value = value << 4 | UInt16(digit - 0x30)
            case 0x41...0x46: value = value << 4 | UInt16(digit - 0x41 + 10)
            case 0x61...0x66: value = value << 4 | UInt16(digit - 0x61 + 10)
            default: return nil
            }
        }
        self = value
    }
}
