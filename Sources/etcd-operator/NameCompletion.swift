import ArgumentParser
import ClusterAPI
import Operator

extension CompletionKind {
    /// The clusters of the default state directory, or of the one that the command line names.
    static let clusterNames = CompletionKind.custom { words, _, _ in
        names(words) { _, name in [name.name] }
    }

    /// The clusters and their members.
    static let memberNames = CompletionKind.custom { words, _, _ in
        names(words) { directory, name in
            // A shell has no use for an error.
            [name.name] + ((try? directory.cluster(name).memberNames()) ?? [])
        }
    }

    private static func names(
        _ words: [String],
        _ candidates: (StateDirectory, ClusterName) -> [String]
    ) -> [String] {
        let path = value(of: ["--state-dir"], in: words).map { ["--state-dir", $0] } ?? []
        guard let options = try? StateOptions.parse(path), let directory = try? options.open(),
            let clusters = try? directory.clusters()
        else { return [] }
        let namespace =
            value(of: ["-n", "--namespace"], in: words) ?? ClusterName.defaultNamespace
        return clusters.filter { $0.namespace == namespace }.flatMap { candidates(directory, $0) }
    }

    private static func value(of options: [String], in words: [String]) -> String? {
        for (index, word) in words.enumerated() {
            for option in options {
                if word == option, index + 1 < words.count { return words[index + 1] }
                if word.hasPrefix("\(option)=") { return String(word.dropFirst(option.count + 1)) }
            }
        }
        return nil
    }
}
