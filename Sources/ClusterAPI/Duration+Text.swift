/// Durations as users write them: `100ms`, `1h30m`, `7d`, `1.5s`; units `d h m s ms us ns`, each at
/// most once and from large to small.
extension Duration {
    package static let expectation = "a duration such as 100ms, 30s, 1h30m or 7d"

    private static let units: [(suffix: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000),
        ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000), ("ns", 1),
    ]

    /// Reads a duration exactly, down to the nanosecond; negative ones are refused.
    package init(parsing text: String) throws(ValueError) {
        let total = try Duration.nanoseconds(parsing: text)
        self = .nanoseconds(total)
    }

    private static func nanoseconds(parsing text: String) throws(ValueError) -> Int64 {
        if text == "0" { return 0 }
        var rest = text
        var total: Int64 = 0
        var lastUnit = -1
        guard !rest.isEmpty else { throw ValueError(expected: expectation) }
        while !rest.isEmpty {
            guard let first = rest.utf8.first, first != UInt8(ascii: "-"),
                first != UInt8(ascii: "+"), let decimal = Decimal(prefixOf: rest)
            else { throw ValueError(expected: expectation) }
            let suffix = decimal.rest.prefix { !$0.isNumber && $0 != "." }
            guard let unit = units.firstIndex(where: { $0.suffix == suffix }), unit > lastUnit
            else { throw ValueError(expected: expectation) }
            guard let part = decimal.scaled(by: units[unit].nanoseconds, tens: 0) else {
                throw ValueError(expected: "a whole number of nanoseconds below 292 years")
            }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else {
                throw ValueError(expected: "a whole number of nanoseconds below 292 years")
            }
            total = sum
            lastUnit = unit
            rest = String(decimal.rest.dropFirst(suffix.count))
        }
        return total
    }

    /// Exact to the nanosecond and readable by `init(parsing:)`: `1h30m`, `100ms`, `0s`.
    package var text: String {
        let (seconds, attoseconds) = components
        var nanoseconds = attoseconds / 1_000_000_000
        var rest = seconds
        guard seconds >= 0, nanoseconds >= 0 else { return "-" + (Duration.zero - self).text }
        var parts = ""
        for unit in Duration.units where unit.nanoseconds >= 1_000_000_000 {
            let size = unit.nanoseconds / 1_000_000_000
            if rest / size > 0 { parts += "\(rest / size)\(unit.suffix)" }
            rest %= size
        }
        for unit in Duration.units where unit.nanoseconds < 1_000_000_000 {
            let count = nanoseconds / unit.nanoseconds
            if count > 0 { parts += "\(count)\(unit.suffix)" }
            nanoseconds %= unit.nanoseconds
        }
        return parts.isEmpty ? "0s" : parts
    }

    /// Whole milliseconds, rounded towards zero.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        return scaled + attoseconds / 1_000_000_000_000_000
    }
}
