/// One constructor for each type of field.
extension SchemaField {
    static func boolean(_ path: String, _ place: any Place<Bool>, _ summary: String) -> Self {
        let type = FieldType.boolean
        return Self(path, type, place, summary: summary) {
            .bool($0)
        } decode: { value throws(ValueError) in
            guard case .bool(let flag) = value else { throw ValueError(expected: type.expectation) }
            return flag
        }
    }

    static func integer<Value: FixedWidthInteger & Sendable>(
        _ path: String,
        _ place: any Place<Value>,
        in range: ClosedRange<Int64>,
        _ summary: String
    ) -> Self {
        let type = FieldType.integer(range)
        return Self(path, type, place, summary: summary) {
            .integer(Int64($0))
        } decode: { value throws(ValueError) in
            guard case .integer(let number) = value, range.contains(number),
                let result = Value(exactly: number)
            else { throw ValueError(expected: type.expectation) }
            return result
        }
    }

    static func number(
        _ path: String,
        _ place: any Place<Double>,
        in range: ClosedRange<Double>,
        _ summary: String
    ) -> Self {
        let type = FieldType.number(range)
        return Self(path, type, place, summary: summary) { value in
            Int64(exactly: value).map { .integer($0) } ?? .number("\(value)")
        } decode: { value throws(ValueError) in
            let number: Double? =
                switch value {
                case .integer(let whole): Double(whole)
                case .number(let text): Double(text)
                default: nil
                }
            guard let number, range.contains(number) else {
                throw ValueError(expected: type.expectation)
            }
            return number
        }
    }

    static func text(
        _ path: String,
        _ place: any Place<String>,
        _ rule: TextRule,
        isRequired: Bool = false,
        _ summary: String
    ) -> Self {
        Self(path, .text(rule), place, isRequired: isRequired, summary: summary) {
            .string($0)
        } decode: { value throws(ValueError) in
            try rule.checked(value)
        }
    }

    /// A text that may be absent.
    static func text(
        _ path: String,
        optional place: any Place<String?>,
        _ rule: TextRule,
        _ summary: String
    ) -> Self {
        Self(path, .text(rule), place, summary: summary) {
            $0.map { .string($0) }
        } decode: { value throws(ValueError) in
            try rule.checked(value)
        }
    }

    /// One of a few words that may be absent.
    static func choice(
        _ path: String,
        optional place: any Place<String?>,
        _ words: [String],
        _ summary: String
    ) -> Self {
        Self(path, .choice(words), place, summary: summary) {
            $0.map { .string($0) }
        } decode: { value throws(ValueError) in
            try checkedChoice(value, words)
        }
    }

    /// One of an enumeration's words.
    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: String,
        _ place: any Place<Value>,
        _ summary: String
    ) -> Self {
        let words = Value.allCases.map(\.rawValue)
        return Self(path, .choice(words), place, summary: summary) {
            .string($0.rawValue)
        } decode: { value throws(ValueError) in
            guard let result = Value(rawValue: try checkedChoice(value, words)) else {
                throw ValueError(expected: FieldType.choice(words).expectation)
            }
            return result
        }
    }

    static func quantity(
        _ path: String,
        _ place: any Place<Quantity>,
        in range: ClosedRange<Quantity>,
        _ summary: String
    ) -> Self {
        let type = FieldType.quantity(range)
        return Self(path, type, place, summary: summary) {
            .string($0.description)
        } decode: { value throws(ValueError) in
            let quantity: Quantity
            switch value {
            case .integer(let bytes): quantity = Quantity(bytes: bytes)
            case .number(let text), .string(let text): quantity = try Quantity(parsing: text)
            default: throw ValueError(expected: type.expectation)
            }
            guard range.contains(quantity) else { throw ValueError(expected: type.expectation) }
            return quantity
        }
    }

    static func duration(
        _ path: String,
        _ place: any Place<Duration>,
        in range: ClosedRange<Duration>,
        step: Duration,
        orZero: Bool = false,
        _ summary: String
    ) -> Self {
        let type = FieldType.duration(range, step: step, orZero: orZero)
        return Self(path, type, place, summary: summary) {
            .string($0.text)
        } decode: { value throws(ValueError) in
            // A bare 0 needs no unit, and no quotes.
            if orZero, value == .integer(0) { return .zero }
            guard case .string(let text) = value else {
                throw ValueError(expected: type.expectation)
            }
            let duration = try Duration(parsing: text)
            if orZero, duration == .zero { return duration }
            let isWhole =
                duration.milliseconds % step.milliseconds == 0
                && Duration.milliseconds(duration.milliseconds) == duration
            guard range.contains(duration), isWhole else {
                throw ValueError(expected: type.expectation)
            }
            return duration
        }
    }

    /// A cron expression; an empty text stands for none.
    static func schedule(_ path: String, _ place: any Place<Schedule?>, _ summary: String) -> Self {
        let type = FieldType.schedule
        return Self(path, type, place, summary: summary) {
            .string($0?.text ?? "")
        } decode: { value throws(ValueError) in
            guard case .string(let text) = value else {
                throw ValueError(expected: type.expectation)
            }
            if text.isEmpty { return nil }
            let schedule = try Schedule(parsing: text)
            guard schedule.next(after: Timestamp(seconds: 0)) != nil else {
                throw ValueError(expected: type.expectation, hint: "; there is no such day")
            }
            return schedule
        }
    }

    /// A map of texts, kept sorted by key so that two orders of the same map are equal.
    static func texts<Value: Sendable>(
        _ path: String,
        _ place: any Place<Value>,
        keys: TextRule,
        values: TextRule,
        _ summary: String,
        encode: @escaping @Sendable (Value) -> [(key: String, value: String)],
        decode: @escaping @Sendable ([(key: String, value: String)]) -> Value,
        refusal rule: EntryRule? = nil
    ) -> Self {
        let type = FieldType.texts(keys: keys, values: values)
        let cel = rule.map { [$0.cel(FieldPath(parsing: path))] } ?? []
        return Self(path, type, celRules: cel, summary: summary) { cluster in
            let entries = encode(cluster[keyPath: place])
            guard !entries.isEmpty else { return nil }
            return .map(entries.map { FieldTree.Field($0.key, FieldTree(.string($0.value))) })
        } write: { cluster, tree in
            guard case .map(let fields) = tree.value else {
                return [Fault(ValueError(expected: type.expectation), found: tree)]
            }
            var faults: [Fault] = []
            var entries: [(key: String, value: String)] = []
            for field in fields {
                let key = field.key
                do throws(ValueError) {
                    let value = try values.checked(field.value.value)
                    entries.append((key, value))
                    if !keys.accepts(key) {
                        let message = "expected as the name: \(keys.expectation)"
                        faults.append(Fault(key: key, message: message, mark: field.keyMark))
                    } else if let message = rule?.judge(key, value) {
                        faults.append(Fault(key: key, message: message, mark: field.keyMark))
                    }
                } catch {
                    faults.append(Fault(error, found: field.value, key: key))
                }
            }
            if faults.isEmpty {
                cluster[keyPath: place] = decode(entries.sorted { $0.key < $1.key })
            }
            return faults
        }
    }

    private static func checkedChoice(
        _ value: FieldTree.Value,
        _ words: [String]
    ) throws(ValueError) -> String {
        let expectation = FieldType.choice(words).expectation
        switch value {
        case .string(let word) where words.contains(word): return word
        case .string(let word):
            let hint = Suggestion.hint(for: word, among: words)
            throw ValueError(expected: expectation, hint: hint)
        case .number(let text) where words.contains(text):
            throw ValueError(expected: expectation, hint: "; write it in quotes: \"\(text)\"")
        default: throw ValueError(expected: expectation)
        }
    }
}

extension TextRule {
    /// The text that follows this rule, from a value of any kind.
    func checked(_ value: FieldTree.Value) throws(ValueError) -> String {
        switch value {
        case .string(let text) where accepts(text): return text
        case .integer(let number):
            throw ValueError(expected: expectation, hint: quoting("\(number)"))
        case .number(let text): throw ValueError(expected: expectation, hint: quoting(text))
        case .bool(let flag): throw ValueError(expected: expectation, hint: quoting("\(flag)"))
        default: throw ValueError(expected: expectation)
        }
    }

    private func quoting(_ text: String) -> String {
        accepts(text) ? "; write it in quotes: \"\(text)\"" : ""
    }
}
