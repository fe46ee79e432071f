internal import CLMDB

/// A read transaction of its own. With `MDB_NOTLS` such a transaction belongs to no thread, so one
/// may begin it and another may scan.
@safe
package final class LMDBView: BackendView, @unchecked Sendable {  // one thread at a time
    private let environment: LMDBEnvironment
    private let transaction: OpaquePointer
    private var isClosed = false

    init(_ environment: LMDBEnvironment) throws(BackendError) {
        self.environment = environment
        unsafe transaction = try environment.begin(MDB_RDONLY, "begin a view")
    }

    /// The rows in a directory that another process may be writing, or that nobody has open. LMDB
    /// does not guard against damaged pages: reading them can end the process.
    package convenience init(readingOnly directory: String) throws(BackendError) {
        try self.init(LMDBEnvironment(readingOnly: directory))
    }

    deinit { close() }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        guard !isClosed else {
            throw BackendError(
                kind: .closed,
                operation: "scan a view",
                path: environment.path,
                detail: "the view is closed"
            )
        }
        try unsafe environment.scan(transaction, bucket, from: from, body)
    }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        unsafe mdb_txn_abort(transaction)
    }
}
