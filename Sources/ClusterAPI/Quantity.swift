/// A number of bytes as Kubernetes writes it: `8Gi`, `1.5Mi`, `500M`, `1e9`, `1572864`.
///
/// Binary suffixes (`Ki Mi Gi Ti Pi Ei`) count in 1024s, decimal ones (`k M G T P E`) in 1000s.
/// Two texts for the same number are equal. Fractions of a byte are refused, not rounded.
package struct Quantity: Hashable, Comparable, Sendable {
    package let bytes: Int64

    package init(bytes: Int64) {
        self.bytes = bytes
    }

    package static func < (left: Quantity, right: Quantity) -> Bool { left.bytes < right.bytes }

    /// From small to large; of two suffixes for the same text length the later is preferred.
    private static let units: [(suffix: String, bytes: Int64)] = [
        ("", 1), ("k", 1000), ("Ki", 1 << 10), ("M", 1_000_000), ("Mi", 1 << 20),
        ("G", 1_000_000_000), ("Gi", 1 << 30), ("T", 1_000_000_000_000), ("Ti", 1 << 40),
        ("P", 1_000_000_000_000_000), ("Pi", 1 << 50), ("E", 1_000_000_000_000_000_000),
        ("Ei", 1 << 60),
    ]

    package static let expectation = "a number of bytes such as 8Gi, 1.5Mi, 500M or 1048576"

    /// Reads a quantity exactly.
    package init(parsing text: String) throws(ValueError) {
        guard let decimal = Decimal(prefixOf: text) else {
            throw ValueError(expected: Quantity.expectation)
        }
        let scaled: Int64?
        if let exponent = Quantity.exponent(decimal.rest) {
            scaled = decimal.scaled(by: 1, tens: exponent)
        } else if let unit = Quantity.units.first(where: { $0.suffix == decimal.rest }) {
            scaled = decimal.scaled(by: unit.bytes, tens: 0)
        } else {
            throw ValueError(expected: Quantity.expectation)
        }
        guard let scaled else {
            throw ValueError(expected: "a whole number of bytes below 8Ei")
        }
        self.init(bytes: scaled)
    }

    /// The power of ten of `e9` or `E-3`; nil for anything else, also for the suffix `E`.
    private static func exponent(_ text: Substring) -> Int? {
        guard let first = text.first, first == "e" || first == "E" else { return nil }
        let digits = text.dropFirst()
        guard digits.utf8.count <= 3 else { return nil }
        return Int(digits)
    }
}

extension Quantity: CustomStringConvertible {
    /// The shortest exact text, at most three digits after the point.
    package var description: String {
        var best = String(bytes)
        for unit in Quantity.units.dropFirst() {
            if let text = Quantity.text(bytes, in: unit), text.utf8.count <= best.utf8.count {
                best = text
            }
        }
        return best
    }

    private static func text(_ bytes: Int64, in unit: (suffix: String, bytes: Int64)) -> String? {
        let whole = bytes / unit.bytes
        guard whole != 0 else { return nil }
        let remainder = (bytes % unit.bytes).magnitude
        // remainder / unit as thousandths must come out even.
        let (high, low) = remainder.multipliedFullWidth(by: 1000)
        let divided = UInt64(unit.bytes).dividingFullWidth((high, low))
        guard divided.remainder == 0 else { return nil }
        guard divided.quotient != 0 else { return "\(whole)\(unit.suffix)" }
        var fraction = String(divided.quotient)
        fraction = String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(whole).\(fraction)\(unit.suffix)"
    }

    /// The size rounded for a table: `24.0 KiB`, `8.0 GiB`, `900 B`.
    package var rounded: String {
        let names = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        guard bytes.magnitude >= 1024 else { return "\(bytes) B" }
        var index = 0
        while index + 1 < names.count, bytes.magnitude >> (10 * UInt64(index + 2)) > 0 {
            index += 1
        }
        let unit = UInt64(1) << (10 * UInt64(index + 1))
        let whole = bytes.magnitude / unit
        let tenths = bytes.magnitude % unit * 10 / unit
        return "\(bytes < 0 ? "-" : "")\(whole).\(tenths) \(names[index])"
    }
}

extension Quantity: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        try self.init(parsing: container.decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
