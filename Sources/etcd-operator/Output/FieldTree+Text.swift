import ClusterAPI
import YAML

extension FieldTree {
    /// The tree as JSON, in its own order.
    var json: String { node.json }

    /// The tree as YAML, in its own order, with a newline at the end.
    var yaml: String { Node.yaml([node]) }

    private var node: Node {
        switch value {
        case .null: Node(.scalar(Node.Scalar("null")))
        case .bool(let flag): Node(.scalar(Node.Scalar("\(flag)")))
        case .integer(let number): Node(.scalar(Node.Scalar("\(number)")))
        case .number(let text): Node(.scalar(Node.Scalar(text)))
        case .string(let text):
            Node(.scalar(Node.Scalar(text, style: CoreSchema.style(forText: text))))
        case .list(let items): Node(.sequence(items.map(\.node)))
        case .map(let fields): Node(.mapping(fields.map { Node.Pair($0.key, $0.value.node) }))
        }
    }
}
