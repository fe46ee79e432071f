package import ClusterAPI
package import YAML

extension FieldTree {
    /// A YAML document as the tree that resources are read from.
    package init(_ node: Node) {
        let mark = node.mark.map { SourceMark(line: $0.line, column: $0.column) }
        switch node.content {
        case .scalar:
            self.init(FieldTree.scalar(node.resolved ?? .null), mark: mark)
        case .sequence(let items):
            self.init(.list(items.map { FieldTree($0) }), mark: mark)
        case .mapping(let pairs):
            let fields = pairs.map { pair in
                Field(
                    pair.key,
                    FieldTree(pair.value),
                    keyMark: pair.keyMark.map { SourceMark(line: $0.line, column: $0.column) }
                )
            }
            self.init(.map(fields), mark: mark)
        }
    }

    private static func scalar(_ value: ScalarValue) -> Value {
        switch value {
        case .null: .null
        case .boolean(let flag): .bool(flag)
        case .integer(let number): .integer(number)
        case .float(let text): .number(text)
        case .string(let text): .string(text)
        }
    }
}
