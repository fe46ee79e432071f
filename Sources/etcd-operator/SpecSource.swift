import Operator
import Storage

/// Something a spec can be read from: a file, or the standard input.
struct SpecSource {
    /// More than any spec that is accepted.
    private static let maxBytes = 2 << 20

    let path: String

    /// The file itself, or the specs of a directory in order of name. A directory without specs is
    /// an error unless `orNone`.
    static func files(at path: String, orNone: Bool = false) throws -> [SpecSource] {
        if path == "-" { return [SpecSource(path: path)] }
        do {
            guard let status = try FileDisk().status(path) else {
                throw CommandFailure(.notFound, "\(path): there is no such file or directory")
            }
            guard status.isDirectory else { return [SpecSource(path: path)] }
            let names = try FileDisk().list(path).filter(SpecFile.isSpec)
            guard orNone || !names.isEmpty else {
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
