/// A moment on the wall clock, printed and read as RFC 3339 in UTC: `2026-11-22T10:15:00.25Z`.
package struct Timestamp: Hashable, Comparable, Sendable {
    /// Since 1970-01-01T00:00:00Z.
    package let seconds: Int64
    /// 0 ..< 1,000,000,000, counted forward from `seconds` also before 1970.
    package let nanoseconds: Int32

    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        guard (0..<1_000_000_000).contains(nanoseconds) else {
            fatalError("a timestamp with \(nanoseconds) nanoseconds")
        }
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// The moment a duration later; stays at the last representable second when there is none.
    package func advanced(by duration: Duration) -> Timestamp {
        let (wholeSeconds, attoseconds) = duration.components
        let nanos = Int64(nanoseconds) + attoseconds / 1_000_000_000
        let carry = Int64(floorDividing: nanos, by: 1_000_000_000)
        let (sum, overflow) = seconds.addingReportingOverflow(wholeSeconds)
        let (total, overflowOfCarry) = sum.addingReportingOverflow(carry)
        if overflow || overflowOfCarry { return Timestamp(seconds: wholeSeconds < 0 ? .min : .max) }
        return Timestamp(seconds: total, nanoseconds: Int32(nanos - carry * 1_000_000_000))
    }

    /// How long after `earlier` this moment is; negative when it is before.
    package func since(_ earlier: Timestamp) -> Duration {
        .seconds(seconds) - .seconds(earlier.seconds)
            + .nanoseconds(Int64(nanoseconds) - Int64(earlier.nanoseconds))
    }
}

extension Timestamp: CustomStringConvertible {
    package var description: String {
        let day = Int64(floorDividing: seconds, by: 86_400)
        let second = (seconds % 86_400 + 86_400) % 86_400
        let date = CivilDate(daysSince1970: day)
        var text = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        text +=
            "T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        if nanoseconds != 0 {
            var fraction = padded(Int64(nanoseconds), 9)
            while fraction.hasSuffix("0") { fraction.removeLast() }
            text += ".\(fraction)"
        }
        return text + "Z"
    }

    /// Reads RFC 3339 with any offset, and at most nine digits after the point. Nil when the text
    /// is not a moment: wrong form, no such day, no such hour. A leap second is not accepted.
    package init?(_ text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(digits: 4), reader.take("-"),
            let month = reader.number(digits: 2), reader.take("-"),
            let day = reader.number(digits: 2), reader.take("T") || reader.take("t"),
            let hour = reader.number(digits: 2), reader.take(":"),
            let minute = reader.number(digits: 2), reader.take(":"),
            let second = reader.number(digits: 2),
            hour < 24, minute < 60, second < 60,
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        var nanos: Int64 = 0
        if reader.take(".") {
            guard let fraction = reader.fraction() else { return nil }
            nanos = fraction
        }
        guard let offset = reader.offset(), reader.isAtEnd else { return nil }
        self.init(
            seconds: date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second - offset,
            nanoseconds: Int32(nanos)
        )
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let time = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected a time such as 2026-11-22T10:15:00Z, found \"\(text)\""
            )
        }
        self = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number.magnitude)
    let zeros = String(repeating: "0", count: max(0, width - digits.count))
    return (number < 0 ? "-" : "") + zeros + digits
}

/// Takes fixed runs of digits off the front of a text.
private struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number(digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// The nanoseconds that one to nine digits after the point stand for.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var count = 0
        while let digit = digit() {
            count += 1
            guard count <= 9 else { return nil }
            value = value * 10 + digit
        }
        guard count > 0 else { return nil }
        for _ in count..<9 { value *= 10 }
        return value
    }

    /// `Z` or `+hh:mm`, in seconds.
    mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let sign: Int64
        if take("+") {
            sign = 1
        } else if take("-") {
            sign = -1
        } else {
            return nil
        }
        guard let hours = number(digits: 2), take(":"), let minutes = number(digits: 2),
            hours < 24, minutes < 60
        else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }

    private mutating func digit() -> Int64? {
        guard let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
            return nil
        }
        rest.removeFirst()
        return Int64(byte - UInt8(ascii: "0"))
    }
}
