/// etcdutl's forms of output.
enum OutputFormat: String, CaseIterable {
    /// One line, values with commas between.
    case simple
    /// A box with a head.
    case table
    case json
    /// A line for each value: `"Revision" : 4`.
    case fields
}

/// A few named values, printed as etcdutl prints such: what the names are differs by format.
struct OutputRow {
    /// A value by its names: in a table's head, in JSON, among fields.
    struct Value {
        enum Content {
            case number(Int64)
            case text(String)
        }

        let head: String
        let json: String
        let field: String
        let content: Content
        /// What people read, where that is something else than the content.
        var shown: String?
    }

    let values: [Value]

    func text(_ format: OutputFormat) -> String {
        switch format {
        case .simple: values.map(\.readable).joined(separator: ", ") + "\n"
        case .table: table
        case .json: "{" + values.map { "\"\($0.json)\":\($0.exact)" }.joined(separator: ",") + "}\n"
        case .fields: values.map { "\"\($0.field)\" : \($0.exact)\n" }.joined()
        }
    }

    private var table: String {
        let columns = values.map { (head: $0.head.uppercased(), text: $0.readable) }
        let widths = columns.map { max($0.head.count, $0.text.count) }
        let rule = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined()
        let head = zip(columns, widths).map { column, width in
            let space = width - column.head.count
            let left = String(repeating: " ", count: space / 2)
            return " " + left + column.head
                + String(repeating: " ", count: space - space / 2) + " |"
        }
        let row = zip(columns, widths).map { column, width in
            " " + String(repeating: " ", count: width - column.text.count) + column.text + " |"
        }
        return [rule, "|" + head.joined(), rule, "|" + row.joined(), rule]
            .joined(separator: "\n") + "\n"
    }
}

// Rows of our own, which etcdutl does not print: a field is named as the head.
extension OutputRow.Value {
    init(_ head: String, _ json: String, _ number: Int64, shown: String? = nil) {
        self.init(head: head, json: json, field: head, content: .number(number), shown: shown)
    }

    init(_ head: String, _ json: String, text: String) {
        self.init(head: head, json: json, field: head, content: .text(text))
    }
}

extension OutputRow.Value {
    fileprivate var readable: String {
        if let shown { return shown }
        switch content {
        case .number(let number): return String(number)
        case .text(let text): return text
        }
    }

    fileprivate var exact: String {
        switch content {
        case .number(let number): String(number)
        case .text(let text): JSONText.string(text)
        }
    }
}

/// Bytes for people, in powers of a thousand: `20 kB`, `1.2 MB`.
enum ByteText {
    static func readable(_ bytes: Int64) -> String {
        guard bytes >= 10 else { return "\(bytes) B" }
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var unit = 0
        var scale: Int64 = 1
        while unit + 1 < units.count, bytes / scale >= 1000 {
            scale *= 1000
            unit += 1
        }
        // Rounded to one place behind the point, which is shown below ten.
        let tenths = Int64((Double(bytes) / Double(scale) * 10).rounded(.toNearestOrAwayFromZero))
        if tenths >= 100 { return "\((tenths + 5) / 10) \(units[unit])" }
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
