/// What may not stand in a map, besides what its types forbid; once for each who checks it.
struct EntryRule: Sendable {
    /// For a map at this place.
    let cel: @Sendable (_ place: FieldPath) -> CELRule
    /// The problem, nil when there is none.
    let judge: @Sendable (_ key: String, _ value: String) -> String?
}

/// One field of a resource: its place, its type, what it means, and how it gets in and out of the
/// resource's Swift value. Its default is what a fresh Swift value holds.
package struct SchemaField: Sendable {
    /// A value that the field cannot take.
    struct Fault {
        /// Below the field itself, for a map's entries.
        var key: String?
        let message: String
        let mark: SourceMark?
    }

    package let path: FieldPath
    package let type: FieldType
    /// One or two sentences for `explain`.
    package let summary: String
    package let isRequired: Bool
    /// What an API server checks besides the type.
    let celRules: [CELRule]
    /// What the field holds, nil when it is absent.
    package let read: @Sendable (EtcdCluster) -> FieldTree.Value?
    /// Stores the value, or tells what is wrong with it and stores nothing.
    let write: @Sendable (inout EtcdCluster, FieldTree) -> [Fault]

    package var name: String { path.names.last ?? "" }

    /// Nil when the field is absent by default.
    package var defaultValue: FieldTree? {
        let value = isRequired ? nil : read(EtcdCluster(metadata: Metadata(name: "")))
        return value.map { FieldTree($0) }
    }

    /// As a user would write it, nil when the field is absent by default, or empty.
    package var defaultText: String? {
        switch defaultValue?.value {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let text), .string(let text): text.isEmpty ? nil : text
        case .map, .list, .null, nil: nil
        }
    }

    init(
        _ path: String,
        _ type: FieldType,
        isRequired: Bool = false,
        celRules: [CELRule] = [],
        summary: String,
        read: @escaping @Sendable (EtcdCluster) -> FieldTree.Value?,
        write: @escaping @Sendable (inout EtcdCluster, FieldTree) -> [Fault]
    ) {
        self.path = FieldPath(parsing: path)
        self.type = type
        self.summary = summary
        self.isRequired = isRequired
        self.celRules = celRules
        self.read = read
        self.write = write
    }

    /// A field that holds one value, stored at a key path.
    init<Value>(
        _ path: String,
        _ type: FieldType,
        _ place: any Place<Value>,
        isRequired: Bool = false,
        summary: String,
        encode: @escaping @Sendable (Value) -> FieldTree.Value?,
        decode: @escaping @Sendable (FieldTree.Value) throws(ValueError) -> Value
    ) {
        self.init(path, type, isRequired: isRequired, summary: summary) { cluster in
            encode(cluster[keyPath: place])
        } write: { cluster, tree in
            do throws(ValueError) {
                cluster[keyPath: place] = try decode(tree.value)
                return []
            } catch {
                return [Fault(error, found: tree)]
            }
        }
    }

    typealias Place<Value> = WritableKeyPath<EtcdCluster, Value> & Sendable
}

extension SchemaField.Fault {
    init(_ error: ValueError, found tree: FieldTree, key: String? = nil) {
        self.init(
            key: key,
            message: "expected \(error.expected), found \(tree.kindDescription)\(error.hint)",
            mark: tree.mark
        )
    }
}
