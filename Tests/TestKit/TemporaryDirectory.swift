import Foundation

/// A fresh folder below the system's temporary one, removed by `remove()`.
package struct TemporaryDirectory: Sendable {
    package let path: String

    package init(_ purpose: String) throws {
        var template = Array("/tmp/\(purpose)-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return unsafe mkdtemp(start) != nil
        }
        guard made else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    package func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// The path of a program in `PATH`; nil when it is not installed.
package func installed(_ program: String) -> String? {
    (environment("PATH") ?? "").split(separator: ":").map { "\($0)/\(program)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}

/// The path itself if a program is there.
package func executable(_ path: String) -> String? {
    FileManager.default.isExecutableFile(atPath: path) ? path : nil
}

/// The folder of the built programs: the one in which the test program itself lies.
package func builtPrograms() -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let folder = URL(fileURLWithPath: own).deletingLastPathComponent().path
    return FileManager.default.isExecutableFile(atPath: "\(folder)/etcd-operator")
        ? folder : "\(repositoryRoot())/.build/release"
}
