import ArgumentParser
import ClusterAPI
import Operator
import Storage

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

/// Something a spec can be read from: a file, or the standard input.
private struct SpecSource {
    /// More than any spec that is accepted.
    private static let maxBytes = 2 << 20

    let path: String

    /// The file itself, or the specs of a directory in order of name.
    static func files(at path: String) throws -> [SpecSource] {
        if path == "-" { return [SpecSource(path: path)] }
        do {
            guard let status = try FileDisk().status(path) else {
                throw CommandFailure(.failed, "\(path): there is no such file or directory")
            }
            guard status.isDirectory else { return [SpecSource(path: path)] }
            let names = try FileDisk().list(path).filter(SpecFile.isSpec)
            guard !names.isEmpty else {
                throw CommandFailure(.failed, "\(path): there is no *.yaml or *.yml file in it")
            }
            return names.map { SpecSource(path: path + (path.hasSuffix("/") ? "" : "/") + $0) }
        } catch let error as DiskError {
            throw CommandFailure(.failed, "\(path): cannot be read: \(error.reason)")
        }
    }

    func read() throws -> [UInt8] {
        if path == "-" { return Terminal.standardInput(atMost: SpecSource.maxBytes) }
        do {
            return try FileDisk().read(path, maxSize: SpecSource.maxBytes)
        } catch {
            throw CommandFailure(.failed, "\(path): cannot be read: \(error.reason)")
        }
    }
}
