/// Why the backend could not do something.
package struct BackendError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// The map has its maximal size: nothing can be written until space is freed.
        case mapFull
        /// The file system is full.
        case noSpace
        case ioFailure
        /// The files are not what was written.
        case corrupted
        case permissionDenied
        case notFound
        /// A key is empty or longer than the backend takes.
        case badKey
        case closed
        case other
    }

    package let kind: Kind
    /// What was tried, such as `commit`.
    package let operation: String
    /// The directory of the files; empty in memory.
    package let path: String
    /// The system's or the library's words.
    package let detail: String

    package init(kind: Kind, operation: String, path: String, detail: String) {
        self.kind = kind
        self.operation = operation
        self.path = path
        self.detail = detail
    }

    package var description: String {
        "backend \(path.isEmpty ? "in memory" : path): \(operation): \(detail)"
    }
}
