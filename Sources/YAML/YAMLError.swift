/// Why a text is not acceptable YAML, and where.
package struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    package let mark: Mark

    package init(_ message: String, at mark: Mark) {
        self.message = message
        self.mark = mark
    }

    /// `line:column: message`.
    package var description: String { "\(mark): \(message)" }

    /// The message with the file before it and the line of the text below it:
    ///
    ///     cluster.yaml:3:9: error: found a tab where an indentation is expected
    ///       3 |     replicas: 3
    ///         |         ^
    package func described(in file: String, text: String) -> String {
        "\(file):\(mark): error: \(message)\n" + Excerpt(of: text, at: mark).description
    }
}

/// The line of a text to which a message refers, with a caret below the column.
package struct Excerpt: CustomStringConvertible {
    package let description: String

    /// The longest piece of a line that is shown.
    private static let maxWidth = 100

    /// Empty when the text has no such line.
    package init(of text: String, at mark: Mark) {
        let lines = text.split(omittingEmptySubsequences: false) {
            $0 == "\n" || $0 == "\r\n" || $0 == "\r"
        }
        guard mark.line >= 1, mark.line <= lines.count else {
            description = ""
            return
        }
        // A YAML column counts Unicode scalars, as libyaml does.
        var shown = Array(lines[mark.line - 1].unicodeScalars)
        var column = min(max(mark.column, 1), shown.count + 1)
        if shown.count > Excerpt.maxWidth {
            let start = max(0, min(column - Excerpt.maxWidth / 2, shown.count - Excerpt.maxWidth))
            shown = Array(shown[start..<(start + Excerpt.maxWidth)])
            column -= start
        }
        let line = String(String.UnicodeScalarView(shown.map(Excerpt.visible)))
        let number = String(mark.line)
        let margin = String(repeating: " ", count: number.count)
        let indent = String(repeating: " ", count: column - 1)
        description = "  \(number) | \(line)\n  \(margin) | \(indent)^\n"
    }

    /// A terminal must not act on what a file contains; a tab would also move the caret.
    private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: " "
        default: scalar
        }
    }
}
