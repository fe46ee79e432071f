/// Trees of the program's own, written down as they will be printed.
extension FieldTree: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral
{
    package init(stringLiteral text: String) {
        self.init(.string(text))
    }

    package init(integerLiteral number: Int64) {
        self.init(.integer(number))
    }

    package init(booleanLiteral flag: Bool) {
        self.init(.bool(flag))
    }

    package init(arrayLiteral items: FieldTree...) {
        self.init(.list(items))
    }

    /// In the order in which it is written.
    package static func map(_ fields: KeyValuePairs<String, FieldTree>) -> FieldTree {
        FieldTree(.map(fields.map { Field($0.key, $0.value) }))
    }

    package static func text(_ text: String) -> FieldTree { FieldTree(.string(text)) }

    package static func texts(_ texts: [String]) -> FieldTree {
        FieldTree(.list(texts.map(FieldTree.text)))
    }

    /// The map of this one's fields and then those of another.
    func adding(_ other: FieldTree) -> FieldTree {
        FieldTree(.map(fields + other.fields))
    }

    func adding(_ fields: KeyValuePairs<String, FieldTree>) -> FieldTree {
        adding(.map(fields))
    }
}
