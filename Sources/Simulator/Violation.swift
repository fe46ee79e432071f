/// Something that must never happen, found by a checker.
package struct Violation: Error, Hashable, Sendable, CustomStringConvertible {
    /// The checker's name, such as `one leader per term`. A shrunk run counts as the same find when
    /// this is the same.
    package let checker: String
    /// What was seen, in one line or several.
    package let text: String

    package init(_ checker: String, _ text: String) {
        self.checker = checker
        self.text = text
    }

    package var description: String {
        "\(checker): \(text)"
    }
}
