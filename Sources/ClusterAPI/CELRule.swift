/// A rule as an API server checks it: an expression in the Common Expression Language, in which
/// `self` is the value at `place`.
///
/// It says the same as the Swift closure beside it, as far as the language can; an API server
/// counts what a rule may cost at worst and refuses costly ones, so every text, list and map that a
/// rule looks at is bounded in the schema.
package struct CELRule: Hashable, Sendable {
    /// The group or field that the expression calls `self`. All of its fields with a default are
    /// there when the rule is asked.
    package let place: FieldPath
    /// True for what is accepted.
    package let expression: String
    /// What must hold, as a sentence without a full stop.
    package let message: String

    init(at place: FieldPath, _ expression: String, says message: String) {
        self.place = place
        self.expression = expression
        self.message = message
    }

    init(at place: String, _ expression: String, says message: String) {
        self.init(at: FieldPath(parsing: place), expression, says: message)
    }
}

extension CELRule {
    /// A duration field's value as one of the language, whose own texts know no days.
    ///
    /// `1d12h` is the time from the start of 1970 to the end of its first day, and 12 hours.
    static func duration(_ value: String) -> String {
        let days = "double(\(value).substring(0, \(value).indexOf('d')))"
        let rest = "\(value).substring(\(value).indexOf('d') + 1)"
        return """
            (\(value).contains('d') ? \
            timestamp(int(\(days) * 86400.0)) - timestamp(0) \
            + (\(value).endsWith('d') ? duration('0s') : duration(\(rest))) : duration(\(value)))
            """
    }

    /// A list of texts.
    static func list(_ texts: [String]) -> String {
        "[\(texts.map { "'\($0)'" }.joined(separator: ", "))]"
    }
}
