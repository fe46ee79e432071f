import ArgumentParser
import ClusterAPI
import Operator

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks files as `run` would, and starts nothing.",
        discussion: """
            Every mistake is reported with file, line and column, not only the first. Of a directory
            the *.yaml and *.yml files are read; - is the standard input.

            EXAMPLES
              etcd-operator validate Manifests/samples/quickstart.yaml
              etcd-operator validate clusters/
              etcd-operator explain spec.engine | less
            """
    )

    @Argument(help: "Files and directories.")
    var paths: [String]

    func run() throws {
        let files = try paths.flatMap { try SpecSource.files(at: $0) }.map { source in
            SpecFile(path: source.path, bytes: try source.read())
        }
        var isFaulty = false
        var declaredIn: [ClusterName: String] = [:]
        for file in files {
            for problem in file.errors + file.warnings { report(problem) }
            if !file.errors.isEmpty { isFaulty = true }
            for cluster in file.clusters {
                if let other = declaredIn.updateValue(file.path, forKey: cluster.name) {
                    let message = "cluster \(cluster.name) is declared in \(other) too"
                    report("\(file.path): error: \(message)")
                    isFaulty = true
                }
            }
            if file.errors.isEmpty {
                let names = file.clusters.map(\.name.description).joined(separator: ", ")
                print("\(file.path): ok, \(names.isEmpty ? "declares nothing" : names)")
            }
        }
        if isFaulty { throw CommandFailure(.failed, "not valid; nothing would be started from it") }
    }

    private func report(_ problem: String) {
        Terminal.standardError.write(problem.hasSuffix("\n") ? problem : problem + "\n")
    }
}
