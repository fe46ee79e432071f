package import NIOCore

/// The value of `grpc-timeout`: up to eight digits and a unit, `500m` being half a second.
package enum GRPCTimeout {
    /// The time it says, no more than a year; nil if it says none.
    package static func parse(_ text: RawSpan) -> TimeAmount? {
        let digits = text.byteCount - 1
        guard digits >= 1, digits <= 8 else { return nil }
        var number: Int64 = 0
        for offset in 0..<digits {
            let octet = text.octet(offset)
            guard octet >= UInt8(ascii: "0"), octet <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int64(octet - UInt8(ascii: "0"))
        }
        guard let nanoseconds = nanoseconds(unit: text.octet(digits)) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: nanoseconds)
        return .nanoseconds(overflow ? year : min(product, year))
    }

    /// The finest writing of a time that fits in eight digits, rounded up so as to be no shorter.
    package static func format(_ time: TimeAmount) -> String {
        let units: [(Int64, String)] = [
            (1, "n"), (1000, "u"), (1_000_000, "m"), (1_000_000_000, "S"),
        ]
        let nanoseconds = max(time.nanoseconds, 1)
        for (size, unit) in units {
            let number = (nanoseconds - 1) / size + 1
            if number < 100_000_000 { return "\(number)\(unit)" }
        }
        return "99999999S"
    }

    private static let year: Int64 = 365 * 86400 * 1_000_000_000

    private static func nanoseconds(unit: UInt8) -> Int64? {
        switch unit {
        case UInt8(ascii: "H"): 3600 * 1_000_000_000
        case UInt8(ascii: "M"): 60 * 1_000_000_000
        case UInt8(ascii: "S"): 1_000_000_000
        case UInt8(ascii: "m"): 1_000_000
        case UInt8(ascii: "u"): 1000
        case UInt8(ascii: "n"): 1
        default: nil
        }
    }
}
