import ArgumentParser
import ClusterAPI

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what a field of a resource means, what it takes and its default.",
        discussion: """
            EXAMPLES
              etcd-operator explain
              etcd-operator explain spec.storage
              etcd-operator explain etcdcluster.spec.settings.electionTimeout
            """
    )

    @Argument(help: "The field; all fields without it.")
    var field: String?

    func run() throws {
        let schema = Schema.cluster
        var path = FieldPath(parsing: field ?? "")
        if let first = path.names.first, ResourceKind(first) != nil {
            path = FieldPath(Array(path.names.dropFirst()))
        }
        if let found = schema.field(path) {
            print(FieldText(found).long)
        } else if path.names.isEmpty || schema.group(path) != nil {
            print(list(below: path, of: schema))
        } else if let refusal = schema.refusals.first(where: { $0.path == path }) {
            print("\(path): \(refusal.message)")
        } else {
            let known = schema.paths.map(\.description)
            let near = Suggestion.nearest(to: "\(path)", among: known)
            throw CommandFailure(
                .notFound,
                "there is no field \(path)",
                remedy: near.map { "did you mean \($0)?" }
                    ?? "`etcd-operator explain` lists all fields"
            )
        }
    }

    private func list(below path: FieldPath, of schema: Schema) -> String {
        var lines = ["KIND     \(schema.kind)", "VERSION  \(schema.apiVersion)"]
        if let group = schema.group(path) { lines += ["", "\(path)", "  \(group.summary)"] }
        let fields = schema.fields.filter { path.names.isEmpty || $0.path.isBelow(path) }
        lines += ["", "FIELDS"]
        lines += fields.map { FieldText($0).short }
        return lines.joined(separator: "\n")
    }
}

/// A field of the schema in words.
private struct FieldText {
    let field: SchemaField

    init(_ field: SchemaField) {
        self.field = field
    }

    var short: String {
        "  \(headline)\n      \(field.summary)"
    }

    var long: String {
        """
        \(headline)
          \(field.summary)

          Takes \(field.type.expectation).
        """
    }

    private var headline: String {
        let rest =
            if field.isRequired {
                ", required"
            } else if let value = field.defaultText {
                ", default \(value)"
            } else {
                ""
            }
        return "\(field.path)  <\(field.type.name)\(rest)>"
    }
}
