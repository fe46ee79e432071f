/// How a description for people is laid out: values beside their names, tables below headings, and
/// nothing wider than the screen if there is one.
struct Layout {
    private static let column = 14

    /// The columns of the screen; nil when nobody looks, and lines may be as long as they are.
    let width: Int?

    /// `Name:         value`, wrapped below itself.
    func pair(_ name: String, _ value: String) -> String {
        pair(name, width.map { wrapped(value, to: max(20, $0 - Layout.column)) } ?? [value])
    }

    /// Several values below each other.
    func pair(_ name: String, _ values: [String]) -> String {
        let label = "\(name):"
        let gap = String(repeating: " ", count: max(1, Layout.column - label.count))
        let indent = String(repeating: " ", count: Layout.column)
        let text = values.joined(separator: "\n\(indent)")
        return label + gap + (text.isEmpty ? "-" : text) + "\n"
    }

    /// A heading and, indented below it, lines that end with a newline.
    func section(_ title: String, _ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return "\(title):\n" + lines.map { "  \($0)\n" }.joined()
    }

    /// A heading and a table.
    func section(_ title: String, _ table: Table) -> String {
        section(title, table.text(within: inner.width))
    }

    /// For what stands in a section.
    var inner: Layout { Layout(width: width.map { $0 - 2 }) }
}
