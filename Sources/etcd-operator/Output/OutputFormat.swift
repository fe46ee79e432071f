import ArgumentParser
import ClusterAPI

/// How a command prints resources. All formats show the same values.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// One row for each, the most important columns.
    case table
    /// More columns.
    case wide
    case json
    case yaml
    /// `etcdcluster/NAME`, for other commands.
    case name
}

struct OutputOptions: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: "How to print it."
    )
    var format = OutputFormat.table
}

/// Something that `get` can print.
protocol Printable {
    static func headings(wide: Bool) -> [String]
    func cells(wide: Bool) -> [String]
    var namespace: String { get }
    /// `etcdcluster/quickstart`.
    var reference: String { get }
    var tree: FieldTree { get }
}

extension OutputFormat {
    /// For people: it looks current, and says nothing when there is nothing to show.
    var isTable: Bool { self == .table || self == .wide }

    /// The items as text that ends with a newline. One that was asked for by name is printed by
    /// itself, several as a list, as kubectl does.
    ///
    /// - Parameter namespaces: A first column tells the namespaces, for lists that mix them.
    func text<Item: Printable>(of items: [Item], asList: Bool, namespaces: Bool = false) -> String {
        switch self {
        case .table, .wide:
            let isWide = self == .wide
            var table = Table((namespaces ? ["NAMESPACE"] : []) + Item.headings(wide: isWide))
            for item in items {
                table.add((namespaces ? [item.namespace] : []) + item.cells(wide: isWide))
            }
            return table.text
        case .name: return items.map { $0.reference + "\n" }.joined()
        case .json: return document(of: items, asList: asList).json + "\n"
        case .yaml: return document(of: items, asList: asList).yaml
        }
    }

    private func document<Item: Printable>(of items: [Item], asList: Bool) -> FieldTree {
        if !asList, let only = items.first { return only.tree }
        return FieldTree(
            .map([
                .init("apiVersion", FieldTree(.string("v1"))),
                .init("kind", FieldTree(.string("List"))),
                .init("items", FieldTree(.list(items.map(\.tree)))),
            ])
        )
    }
}
