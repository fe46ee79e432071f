/// Prints resources as they come, for output that goes on: rows below one row of headings, or a
/// document for each, as kubectl does.
struct PrintStream<Item: Printable> {
    private let format: OutputFormat
    private let namespaces: Bool
    private var table: Table
    private var isFirst = true

    /// - Parameter namespaces: A first column tells the namespaces.
    init(_ format: OutputFormat, namespaces: Bool = false) {
        self.format = format
        self.namespaces = namespaces
        table = Table(
            (namespaces ? ["NAMESPACE"] : []) + Item.headings(wide: format == .wide)
        )
    }

    /// The text that shows these items after those before; empty for none.
    mutating func text(of items: [Item]) -> String {
        guard !items.isEmpty else { return "" }
        switch format {
        case .table, .wide:
            for item in items {
                table.add((namespaces ? [item.namespace] : []) + item.cells(wide: format == .wide))
            }
            return table.take()
        case .name: return items.map { $0.reference + "\n" }.joined()
        case .json: return items.map { $0.tree.json + "\n" }.joined()
        case .yaml:
            let documents = items.map(\.tree.yaml).joined(separator: "---\n")
            defer { isFirst = false }
            return isFirst ? documents : "---\n" + documents
        }
    }
}
