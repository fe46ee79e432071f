/// A field's type in the two languages of an API server: OpenAPI for the form of a value, and the
/// Common Expression Language for what a form cannot say.
///
/// What an API server accepts the operator accepts too, but for a few rare texts of which neither
/// language can say what is wrong with them: fractions of a byte, ranges of a schedule that run
/// backwards, days that never come. Those are reported by the operator. The other way around, an
/// API server refuses some odd spellings: `0.25m` and `100000us` are 15s and 100ms.
extension FieldType {
    package var openAPI: FieldTree {
        switch self {
        case .boolean: .map(["type": "boolean"])
        case .integer(let range): FieldType.integer(range)
        case .number(let range):
            .map([
                "type": "number", "minimum": FieldType.number(range.lowerBound),
                "maximum": FieldType.number(range.upperBound),
            ])
        case .text(let rule): FieldType.text(rule)
        case .choice(let words): .map(["type": "string", "enum": .texts(words)])
        case .quantity(let range):
            FieldType.integerOrText(
                range.lowerBound.bytes...range.upperBound.bytes,
                pattern: FieldType.quantityPattern
            )
        case .duration(_, let step, orZero: true):
            FieldType.integerOrText(0...0, pattern: FieldType.durationPattern(step))
        case .duration(_, let step, orZero: false):
            .map([
                "type": "string", "pattern": .text(FieldType.durationPattern(step)),
                "minLength": 1, "maxLength": 32,
            ])
        case .schedule:
            .map(["type": "string", "pattern": .text(Schedule.pattern), "maxLength": 256])
        case .texts(_, let values):
            .map([
                "type": "object", "maxProperties": 64,
                "additionalProperties": FieldType.text(values),
            ])
        }
    }

    /// What the form does not say, for a field at this place.
    func celRules(at place: FieldPath) -> [CELRule] {
        switch self {
        case .boolean, .integer, .number, .text, .choice, .schedule: return []
        case .quantity(let range):
            // The bounds of a plain number are in the form.
            let bounds =
                "quantity(self).compareTo(quantity('\(range.lowerBound)')) >= 0 && "
                + "quantity(self).compareTo(quantity('\(range.upperBound)')) <= 0"
            let message = "must be \(expectation)"
            return [CELRule(at: place, "type(self) == int || (\(bounds))", says: message)]
        case .duration(let range, _, let orZero):
            let lower = FieldType.celDuration(range.lowerBound)
            let upper = FieldType.celDuration(range.upperBound)
            let bounds = """
                [\(CELRule.duration("self"))].all(time, \
                \(orZero ? "time == duration('0s') || " : "")\
                (time >= \(lower) && time <= \(upper)))
                """
            return [
                CELRule(
                    at: place,
                    orZero ? "type(self) == int || \(bounds)" : bounds,
                    says: "must be \(expectation)"
                )
            ]
        case .texts(let keys, _):
            guard let pattern = keys.pattern else { return [] }
            return [
                CELRule(
                    at: place,
                    "self.all(name, size(name) <= \(keys.maxLength) && "
                        + "name.matches('\(pattern.replacing("\\", with: "\\\\"))'))",
                    says: "every name must be \(keys.expectation)"
                )
            ]
        }
    }

    private static func integer(_ range: ClosedRange<Int64>) -> FieldTree {
        .map([
            "type": "integer", "format": "int64", "minimum": FieldTree(.integer(range.lowerBound)),
            "maximum": FieldTree(.integer(range.upperBound)),
        ])
    }

    private static func number(_ value: Double) -> FieldTree {
        FieldTree(Int64(exactly: value).map { .integer($0) } ?? .number("\(value)"))
    }

    private static func text(_ rule: TextRule) -> FieldTree {
        var tree: FieldTree = .map(["type": "string"])
        if let pattern = rule.pattern { tree = tree.adding(["pattern": .text(pattern)]) }
        return tree.adding(["maxLength": FieldTree(.integer(Int64(rule.maxLength)))])
    }

    /// A number, for which the bounds are, or a text, for which the pattern is. The form is the one
    /// of the few with alternatives that a structural schema may have.
    private static func integerOrText(_ range: ClosedRange<Int64>, pattern: String) -> FieldTree {
        .map([
            "anyOf": [.map(["type": "integer"]), .map(["type": "string"])],
            "x-kubernetes-int-or-string": true,
            "minimum": FieldTree(.integer(range.lowerBound)),
            "maximum": FieldTree(.integer(range.upperBound)),
            "pattern": .text(pattern),
            "maxLength": 32,
        ])
    }

    private static let quantityPattern =
        "^([0-9]+(\\.[0-9]+)?|\\.[0-9]+)(k|Ki|[MGTPE]i?|[eE][+-]?[0-9]{1,2})?$"

    /// Each unit with so many digits after its point that it stays a multiple of `step`.
    private static func durationPattern(_ step: Duration) -> String {
        let units = ["d", "h", "m", "s", "ms"]
        let digits = step == .seconds(1) ? [2, 2, 1, 0] : [3, 3, 3, 3, 0]
        let parts = zip(units, digits).map { unit, digits in
            let digit = digits == 1 ? "[0-9]" : "[0-9]{1,\(digits)}"
            let fraction = digits == 0 ? "" : "(\\.\(digit))?"
            return "([0-9]+\(fraction)\(unit))?"
        }
        return "^(0|\(parts.joined()))$"
    }

    /// A bound, in the greatest unit of which it is a multiple.
    private static func celDuration(_ bound: Duration) -> String {
        let units: [(String, Int64)] = [("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        let time = bound.milliseconds
        let (unit, size) = units.first { time % $0.1 == 0 } ?? ("ms", 1)
        return "duration('\(time / size)\(unit)')"
    }
}

extension Schedule {
    /// The form of a schedule, or an empty text.
    package static let pattern: String = {
        let numbers = [
            "[0-5]?[0-9]", "([01]?[0-9]|2[0-3])", "(0?[1-9]|[12][0-9]|3[01])",
            "(0?[1-9]|1[0-2]", "(0?[0-7]",
        ]
        let fields = zip(numbers, ScheduleField.all).map { number, field in
            let words = field.words.joined(separator: "|")
            let value = field.words.isEmpty ? number : "\(number)|(?i:\(words)))"
            let item = "(\\*|\(value)(-\(value))?)(/[1-9][0-9]{0,3})?"
            return "\(item)(,\(item))*"
        }
        let names = ScheduleField.shorthands.map { $0.name.dropFirst() }.joined(separator: "|")
        return "^(|@(\(names))|\(fields.joined(separator: " +")))$"
    }()
}
