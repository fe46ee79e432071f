/// A decimal number at the front of a text, kept exactly: digits, and how many follow the point.
struct Decimal: Hashable {
    let isNegative: Bool
    let digits: UInt64
    let fractionDigits: Int
    /// What follows the number.
    let rest: Substring

    /// Nil when the text does not start with a number, or with one of more than 19 digits.
    init?(prefixOf text: String) {
        var rest = text[...]
        isNegative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        var digits: UInt64 = 0
        var count = 0
        var afterPoint = 0
        var seenPoint = false
        while let byte = rest.utf8.first {
            if byte == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
            } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                count += 1
                guard count <= 19 else { return nil }
                digits = digits * 10 + UInt64(byte - UInt8(ascii: "0"))
                if seenPoint { afterPoint += 1 }
            } else {
                break
            }
            rest.removeFirst()
        }
        guard count > 0, !seenPoint || afterPoint > 0 else { return nil }
        self.digits = digits
        fractionDigits = afterPoint
        self.rest = rest
    }

    /// The number times `unit` times ten to the power of `tens`; nil unless that is a whole number
    /// that fits.
    func scaled(by unit: Int64, tens: Int) -> Int64? {
        var (high, low) = digits.multipliedFullWidth(by: UInt64(unit))
        guard !(high == 0 && low == 0) else { return 0 }
        var power = tens - fractionDigits
        while power > 0 {
            guard high == 0 else { return nil }
            (high, low) = low.multipliedFullWidth(by: 10)
            power -= 1
        }
        while power < 0 {
            let (topQuotient, topRemainder) = high.quotientAndRemainder(dividingBy: 10)
            let divided = UInt64(10).dividingFullWidth((topRemainder, low))
            guard divided.remainder == 0 else { return nil }
            (high, low) = (topQuotient, divided.quotient)
            power += 1
        }
        guard high == 0, low <= UInt64(Int64.max) else { return nil }
        return isNegative ? -Int64(low) : Int64(low)
    }
}
