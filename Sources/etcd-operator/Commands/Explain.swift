import ArgumentParser
import ClusterAPI

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what a field of a resource means, what it takes and its default.",
        discussion: """
            Without a field: the resource as a whole. The name of the resource may be left out.

            EXAMPLES
              etcd-operator explain etcdcluster
              etcd-operator explain etcdcluster.spec.healing
              etcd-operator explain spec.settings.electionTimeout
              etcd-operator explain ec.spec --recursive
              etcd-operator explain ec.status.conditions
            """
    )

    @Argument(help: "The field, such as etcdcluster.spec.storage.")
    var field: String?

    @Flag(help: "Also the fields of fields, by name and type only.")
    var recursive = false

    func run() throws {
        var path = FieldPath(parsing: field ?? "")
        if let first = path.names.first, ResourceKind(first) != nil {
            path = FieldPath(Array(path.names.dropFirst()))
        }
        guard let text = Explanation(.cluster).text(of: path, recursive: recursive) else {
            let known = Explanation(.cluster).paths.map(\.description)
            let near = Suggestion.nearest(to: "\(path)", among: known)
            throw CommandFailure(
                .notFound,
                "there is no field \(path)",
                remedy: near.map { "did you mean \($0)?" }
                    ?? "`etcd-operator explain --recursive` lists all fields"
            )
        }
        print(text)
    }
}
