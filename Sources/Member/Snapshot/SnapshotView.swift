package import Keyspace
package import Storage

/// The rows of a snapshot file, to be read where they are.
@safe
package final class SnapshotView: BackendView, @unchecked Sendable {  // one thread at a time
    private let reader: BoltReader
    private let path: String

    /// - Parameter file: stays open for as long as the view is used.
    package init(of file: any DiskFile) throws(SnapshotError) {
        path = file.path
        do {
            reader = try BoltReader(file)
        } catch {
            throw .file(error)
        }
    }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        do {
            try reader.forEachRow(of: bucket.rawValue) { key, value in
                // The file is walked from its beginning; nobody asks it for a late row.
                if !from.isEmpty, [UInt8](copying: key).lexicographicallyPrecedes(from) {
                    return true
                }
                return body(key, value)
            }
        } catch {
            throw BackendError(
                kind: .corrupted,
                operation: "scan \(bucket.rawValue)",
                path: path,
                detail: error.description
            )
        }
    }

    package func close() {}
}
