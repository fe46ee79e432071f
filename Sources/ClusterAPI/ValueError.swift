/// Why a text is not the value it should be.
package struct ValueError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was expected, ready to follow the word "expected".
    package let expected: String
    /// Follows what was found: `; did you mean "embedded"?`, or empty.
    package let hint: String

    package init(expected: String, hint: String = "") {
        self.expected = expected
        self.hint = hint
    }

    package var description: String { "expected \(expected)" }
}
