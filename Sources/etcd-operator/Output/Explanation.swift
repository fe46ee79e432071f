import ClusterAPI

/// A schema in words, in the layout of `kubectl explain`.
struct Explanation {
    private let schema: Schema

    init(_ schema: Schema) {
        self.schema = schema
    }

    /// One field as far as all kinds of fields have it in common.
    private struct Entry {
        let path: FieldPath
        let type: String
        let summary: String
        /// `required`, `default 3`, or nothing.
        var note = ""
        /// What it takes and what must hold, in sentences.
        var details: [String] = []
    }

    /// Every path that can be asked for.
    var paths: [FieldPath] { entries.map(\.path) }

    /// Nil when there is no such field.
    func text(of path: FieldPath, recursive: Bool) -> String? {
        var lines = [
            "GROUP:    \(EtcdCluster.group)", "KIND:     \(schema.kind)",
            "VERSION:  \(EtcdCluster.version)",
        ]
        if let entry = entries.first(where: { $0.path == path }) {
            lines += ["", "FIELD: \(headline(entry))", "", "DESCRIPTION:", "    \(entry.summary)"]
            lines += entry.details.map { "    \($0)" }
        } else if let refusal = schema.refusals.first(where: { $0.path == path }) {
            lines += ["", "FIELD: \(path.names.last ?? "")", "", "DESCRIPTION:"]
            lines += ["    \(refusal.message)"]
        } else if !path.names.isEmpty {
            return nil
        }
        let below = recursive ? tree(below: path, indent: "  ") : list(below: path)
        if !below.isEmpty { lines += ["", "FIELDS:"] + below }
        return lines.joined(separator: "\n")
    }

    private func headline(_ entry: Entry) -> String {
        "\(entry.path.names.last ?? "") <\(entry.type)>"
            + (entry.note.isEmpty ? "" : ", \(entry.note)")
    }

    private func children(of path: FieldPath) -> [Entry] {
        entries.filter { $0.path.parent == path && !$0.path.names.isEmpty }
    }

    private func list(below path: FieldPath) -> [String] {
        let blocks = children(of: path).map { ["  \(headline($0))", "    \($0.summary)"] }
        return Array(blocks.joined(separator: [""]))
    }

    private func tree(below path: FieldPath, indent: String) -> [String] {
        children(of: path).flatMap { entry in
            ["\(indent)\(headline(entry))"] + tree(below: entry.path, indent: indent + "  ")
        }
    }

    /// In the order in which a resource is written.
    private var entries: [Entry] {
        let fixed = [
            Entry(
                path: FieldPath(["apiVersion"]),
                type: "string",
                summary: schema.apiVersion,
                note: "required"
            ),
            Entry(
                path: FieldPath(["kind"]),
                type: "string",
                summary: schema.kind,
                note: "required"
            ),
        ]
        let spec = ["metadata", "spec"].flatMap { entries(at: FieldPath([$0])) }
        let status = schema.status.map { field in
            Entry(path: field.path, type: field.kind.name, summary: field.summary)
        }
        return fixed + spec + status
    }

    private func entries(at path: FieldPath) -> [Entry] {
        if let field = schema.field(path) { return [entry(of: field)] }
        guard let group = schema.group(path) else { return [] }
        let entry = Entry(
            path: path,
            type: "object",
            summary: group.summary,
            details: rules(at: path)
        )
        return [entry] + schema.names(below: path).flatMap { entries(at: path.appending($0)) }
    }

    private func entry(of field: SchemaField) -> Entry {
        let value = field.defaultText.map { "default \($0)" } ?? ""
        let takes = "Takes \(field.type.expectation)."
        let edit = schema.convergence(of: field.path).map { "An edit \($0.summary)." }
        return Entry(
            path: field.path,
            type: field.type.name,
            summary: field.summary,
            note: field.isRequired ? "required" : value,
            details: [takes] + rules(at: field.path) + [edit].compactMap { $0 }
        )
    }

    private func rules(at path: FieldPath) -> [String] {
        schema.ruleMessages(at: path).map { "Rule: \($0)." }
    }
}
