package import ClusterAPI
import YAML

/// What one file of specs says: its clusters, or why it is not accepted.
package struct SpecFile: Hashable, Sendable {
    package let path: String
    /// Empty when there is any error: a file is accepted as a whole or not at all.
    package let clusters: [EtcdCluster]
    /// With file, line and column, one for each mistake.
    package let errors: [String]
    package let warnings: [String]

    /// Reads every document of a file. Relative paths in it start at its folder.
    package init(path: String, bytes: [UInt8]) {
        self.path = path
        var clusters: [EtcdCluster] = []
        var errors: [String] = []
        var warnings: [String] = []
        do throws(YAMLError) {
            for node in try Node.parse(bytes) where !node.isNull {
                let decoded = EtcdCluster.decode(FieldTree(node), in: path.parent)
                errors += decoded.errors.map { $0.described(in: path) }
                warnings += decoded.warnings.map { $0.described(in: path) }
                if let cluster = decoded.cluster { clusters.append(cluster) }
            }
        } catch {
            errors.append(error.described(in: path, text: String(decoding: bytes, as: UTF8.self)))
        }
        for name in Set(clusters.map(\.name)).sorted()
        where clusters.filter({ $0.name == name }).count > 1 {
            errors.append("\(path): error: cluster \(name) is declared twice in this file")
        }
        self.clusters = errors.isEmpty ? clusters : []
        self.errors = errors
        self.warnings = warnings
    }

    /// True for the names that are looked for in a directory.
    package static func isSpec(_ name: String) -> Bool {
        !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
    }
}
