/// What kind of value a field takes, and within which bounds.
package enum FieldType: Hashable, Sendable {
    case boolean
    case integer(ClosedRange<Int64>)
    case number(ClosedRange<Double>)
    case text(TextRule)
    case choice([String])
    case quantity(ClosedRange<Quantity>)
    /// Whole multiples of `step`; `orZero` allows 0 besides the range.
    case duration(ClosedRange<Duration>, step: Duration, orZero: Bool)
    /// A cron expression, or an empty text.
    case schedule
    /// A map from text to text.
    case texts(keys: TextRule, values: TextRule)

    /// Ready to follow the word "expected".
    package var expectation: String {
        switch self {
        case .boolean: "true or false"
        case .integer(let range):
            range.upperBound == .max
                ? "a whole number from \(range.lowerBound)"
                : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range):
            "a number from \(range.lowerBound.text) to \(range.upperBound.text)"
        case .text(let rule): rule.expectation
        case .choice(let words):
            // A word that looks like a number is one unless it stands in quotes.
            words.map { $0.first?.isNumber == true ? "\"\($0)\"" : $0 }.joined(separator: " or ")
        case .quantity(let range):
            "a number of bytes from \(range.lowerBound) to \(range.upperBound), such as 8Gi, "
                + "1.5Mi or 500M"
        case .duration(let range, let step, let orZero):
            (orZero ? "0 or " : "")
                + "a duration from \(range.lowerBound.text) to \(range.upperBound.text) in whole "
                + "\(step == .seconds(1) ? "seconds" : "milliseconds"), such as 100ms or 1m30s"
        case .schedule: Schedule.expectation
        case .texts: "a map from texts to texts"
        }
    }

    /// One word for `explain`.
    package var name: String {
        switch self {
        case .boolean: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .text: "string"
        case .choice: "string"
        case .quantity: "quantity"
        case .duration: "duration"
        case .schedule: "schedule"
        case .texts: "map[string]string"
        }
    }
}

extension Double {
    /// `1` for a whole number, as a person would write it.
    fileprivate var text: String { Int64(exactly: self).map { "\($0)" } ?? "\(self)" }
}
