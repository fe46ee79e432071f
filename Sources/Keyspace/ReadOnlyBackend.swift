/// A view that serves as a backend, so that a keyspace can be opened on rows that must not change.
/// It takes no commits.
package final class ReadOnlyBackend: Backend {
    private let view: any BackendView

    package init(_ view: any BackendView) {
        self.view = view
    }

    package func commit(_ batch: WriteBatch) throws(BackendError) {
        throw Self.refusal("commit")
    }

    package func writeCompactCopy() throws(BackendError) {
        throw Self.refusal("write a compact copy")
    }

    package func adoptCompactCopy() throws(BackendError) {
        throw Self.refusal("adopt a compact copy")
    }

    private static func refusal(_ operation: String) -> BackendError {
        BackendError(
            kind: .permissionDenied,
            operation: operation,
            path: "",
            detail: "the rows are open for reading only"
        )
    }

    package func get(_ bucket: Bucket, _ key: [UInt8]) throws(BackendError) -> [UInt8]? {
        var found: [UInt8]?
        try view.scan(bucket, from: key) { candidate, value in
            if [UInt8](copying: candidate) == key { found = [UInt8](copying: value) }
            return false
        }
        return found
    }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        try view.scan(bucket, from: from, body)
    }

    package func openView() throws(BackendError) -> any BackendView { view }

    package func renewReader() throws(BackendError) {}

    package var sizeOnDisk: Int64 { 0 }
    package var sizeInUse: Int64 { 0 }

    package func close() { view.close() }
}
