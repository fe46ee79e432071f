import ArgumentParser
import ClusterAPI
import Operator

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks files as `run` would, and starts nothing.",
        discussion: """
            Every mistake is reported with file, line and column, not only the first. Of a \
            directory the *.yaml and *.yml files are read; - is the standard input. Ends with 0 \
            when all is valid, with 1 when something is not, with 3 when a file is not there.

            EXAMPLES
              etcd-operator validate Manifests/samples/quickstart.yaml
              etcd-operator validate clusters/ more/orders.yaml
              generate-clusters | etcd-operator validate -
            """
    )

    @Argument(help: "Files and directories.")
    var paths: [String]

    func run() throws {
        var verdict = Verdict()
        for path in paths {
            // One that is not there does not keep the others from being checked.
            do {
                for source in try SpecSource.files(at: path) where verdict.isNew(source.path) {
                    verdict.add(SpecFile(path: source.path, bytes: try source.read()))
                }
            } catch let failure as CommandFailure {
                verdict.add(failure)
            }
        }
        Terminal.standardOutput.write(verdict.summary + "\n")
        if let code = verdict.code {
            throw CommandFailure(code, "not valid; nothing would be started from what is wrong")
        }
    }
}

/// What is known so far about the files of one command. Mistakes are told as they are found.
private struct Verdict {
    private var files: Set<String> = []
    private var declaredIn: [ClusterName: String] = [:]
    private var errors = 0
    private var warnings = 0
    /// Nil while all is valid.
    private(set) var code: CommandFailure.Code?

    var summary: String {
        "\(count(files.count, "file")), \(count(declaredIn.count, "cluster")), "
            + "\(count(errors, "error")), \(count(warnings, "warning"))"
    }

    /// False for a file that was read already, by its own name or with its directory.
    mutating func isNew(_ path: String) -> Bool { files.insert(path).inserted }

    mutating func add(_ file: SpecFile) {
        file.errors.forEach { fail($0) }
        file.warnings.forEach { report($0) }
        warnings += file.warnings.count
        for cluster in file.clusters {
            if let other = declaredIn[cluster.name] {
                fail("\(file.path): error: cluster \(cluster.name) is declared in \(other) too")
            } else {
                declaredIn[cluster.name] = file.path
            }
        }
        guard file.errors.isEmpty else { return }
        let names = file.clusters.map(\.name.description).joined(separator: ", ")
        let what = names.isEmpty ? "declares nothing" : names
        Terminal.standardOutput.write("\(file.path): ok, \(what)\n")
    }

    mutating func add(_ failure: CommandFailure) {
        fail("error: \(failure)")
        if failure.code.rawValue > code?.rawValue ?? 0 { code = failure.code }
    }

    private mutating func fail(_ problem: String) {
        report(problem)
        errors += 1
        if code == nil { code = .failed }
    }

    private func report(_ problem: String) {
        Terminal.standardError.write(problem.hasSuffix("\n") ? problem : problem + "\n")
    }

    private func count(_ number: Int, _ what: String) -> String {
        "\(number) \(what)\(number == 1 ? "" : "s")"
    }
}
