/// Rows under headings, in columns as wide as their widest cell and three spaces apart, without
/// lines around them: what `cut`, `awk` and people can read alike.
struct Table {
    private var rows: [[String]]

    init(_ headings: [String]) {
        rows = [headings]
    }

    /// An empty cell is shown as `-`, so that every row has as many words as there are columns.
    mutating func add(_ cells: [String]) {
        rows.append(cells.map { $0.isEmpty ? "-" : $0 })
    }

    /// Lines with a newline after each; the last column is not padded.
    var text: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column + 1 < row.count {
                    line += String(repeating: " ", count: widths[column] - cell.count + 3)
                }
            }
            return line + "\n"
        }.joined()
    }
}
