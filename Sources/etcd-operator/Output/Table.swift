/// Rows under headings, in columns as wide as their widest cell and three spaces apart, without
/// lines around them: what `cut`, `awk` and people can read alike.
struct Table {
    private static let gap = 3
    /// Less is not wrapped to: a column of single words helps nobody.
    private static let leastWidth = 24

    /// Rows that were not taken yet.
    private var rows: [[String]]
    private var widths: [Int]

    init(_ headings: [String]) {
        rows = [headings]
        widths = headings.map(\.count)
    }

    /// An empty cell is shown as `-`, so that every row has as many words as there are columns.
    mutating func add(_ cells: [String]) {
        let cells = cells.map { $0.isEmpty ? "-" : $0 }
        widths = zip(widths, cells).map { max($0, $1.count) }
        rows.append(cells)
    }

    /// Lines with a newline after each; the last column is not padded.
    var text: String { text(within: nil) }

    /// The same with the last column wrapped, if it can be, so that no line is wider.
    func text(within width: Int?) -> String {
        rows.map { row in
            var line = ""
            for (column, cell) in row.dropLast().enumerated() {
                line += cell
                line += String(repeating: " ", count: widths[column] - cell.count + Table.gap)
            }
            let last = row.last ?? ""
            guard let width else { return line + last + "\n" }
            let room = max(width - line.count, Table.leastWidth)
            let indent = String(repeating: " ", count: line.count)
            return line + wrapped(last, to: room).joined(separator: "\n\(indent)") + "\n"
        }.joined()
    }

    /// The rows that were added since the last time, for output that goes on: columns never become
    /// narrower, so that later rows stand below earlier ones.
    mutating func take() -> String {
        defer { rows = [] }
        return text
    }
}

/// The text in lines of so many columns, broken between words; a longer word stands alone.
func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
        if let last = lines.last, last.count + 1 + word.count <= width {
            lines[lines.count - 1] = "\(last) \(word)"
        } else {
            lines.append(String(word))
        }
    }
    return lines
}
