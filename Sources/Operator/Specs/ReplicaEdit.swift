package import ClusterAPI
import YAML

/// Another `spec.replicas` for one cluster in the text of a spec file, all else left as it is.
package struct ReplicaEdit: Hashable, Sendable {
    /// The new text; the old one when it says the number already.
    package let bytes: [UInt8]
    /// What the file says now, be it by the default.
    package let before: Int
    /// `file:line:column` of the number.
    package let place: String
    /// What the new text is warned of and the old one is not.
    package let warnings: [String]

    package init(
        file path: String,
        text: [UInt8],
        cluster name: ClusterName,
        replicas: Int
    ) throws(OperatorError) {
        let old = SpecFile(path: path, bytes: text)
        if let error = old.errors.first {
            throw OperatorError(.refused, "nothing is changed: \(error)")
        }
        guard let declared = old.clusters.first(where: { $0.name == name }) else {
            throw OperatorError(.notFound, "it does not declare \(name)", at: path)
        }
        before = declared.spec.replicas
        let edit: NumberEdit
        do throws(YAMLError) {
            edit = try NumberEdit(
                of: text,
                setting: ["spec", "replicas"],
                to: Int64(replicas),
                inDocument: ReplicaEdit.document(of: name, in: text, path)
            )
        } catch {
            throw OperatorError(
                .refused,
                "spec.replicas of \(name): \(error.message)",
                at: "\(path):\(error.mark)"
            )
        }
        let new = SpecFile(path: path, bytes: edit.bytes)
        if let error = new.errors.first { throw OperatorError(.usage, error) }
        var wanted = old.clusters
        for index in wanted.indices where wanted[index].name == name {
            wanted[index].spec.replicas = replicas
        }
        guard new.clusters == wanted else {
            throw OperatorError(
                .refused,
                "more than spec.replicas of \(name) would change",
                at: "\(path):\(edit.mark)",
                remedy: "edit it by hand"
            )
        }
        bytes = before == replicas ? text : edit.bytes
        place = "\(path):\(edit.mark)"
        warnings = new.warnings.filter { !old.warnings.contains($0) }
    }

    /// Which of the documents declares the cluster. The text is known to declare it once.
    private static func document(
        of name: ClusterName,
        in text: [UInt8],
        _ path: String
    ) throws(YAMLError) -> Int {
        let documents = try Node.parse(text)
        let index = documents.firstIndex { node in
            EtcdCluster.decode(FieldTree(node), in: path.parent).cluster?.name == name
        }
        guard let index else { fatalError("\(path) declares \(name) and no document of it does") }
        return index
    }
}
