internal import CLMDB
internal import Glibc

/// A backend on LMDB: `data.mdb` and `lock.mdb` in a directory, one named table per bucket.
///
/// Every commit is synced (never `MDB_NOSYNC`), the map has a fixed size, and one read
/// transaction serves all reads until it is renewed. Rows of the `key` bucket are written with
/// `MDB_APPEND`, since revisions only grow.
///
/// The C library is called here, in `LMDBEnvironment`, `LMDBView` and `CompactCopy` only. `commit`
/// and `writeCompactCopy` run on the backend thread with transactions of their own; all other
/// members of this class belong to the keyspace's owner.
@safe
package final class LMDBBackend: Backend, @unchecked Sendable {  // because LMDB locks by itself
    /// Nil once closed.
    private var environment: LMDBEnvironment?
    private var reader: OpaquePointer
    private let path: String
    private let mapSize: Int
    package private(set) var sizeInUse: Int64 = 0

    /// The longest key that LMDB takes, in bytes.
    package static let maximalKeySize = 511

    /// Opens the files in an existing directory, or creates them.
    ///
    /// - Parameter mapSize: The most bytes that `data.mdb` may grow to, rounded up to whole pages.
    package init(directory: String, mapSize: Int) throws(BackendError) {
        try CompactCopy(in: directory).discard()
        try LMDBCheck.run(on: directory)
        let environment = try LMDBEnvironment(directory: directory, mapSize: mapSize)
        path = directory
        self.mapSize = mapSize
        unsafe reader = try environment.begin(MDB_RDONLY, "begin reading")
        self.environment = environment
        sizeInUse = try countUsedBytes(environment)
    }

    deinit { close() }

    /// The files stay open for as long as there are views of them.
    package func close() {
        guard environment != nil else { return }
        unsafe mdb_txn_abort(reader)
        environment = nil
    }

    // MARK: Writing

    package func commit(_ batch: WriteBatch) throws(BackendError) {
        let environment = try checkOpen("commit")
        let rows = environment.table(.key)
        let transaction = try unsafe environment.begin(0, "begin writing")
        do throws(BackendError) {
            for record in batch.records {
                try unsafe put(
                    transaction,
                    (.key, rows),
                    record.key.bytes,
                    record.value,
                    flags: MDB_APPEND
                )
            }
            for key in batch.deletions { try unsafe delete(transaction, (.key, rows), key.bytes) }
            for write in batch.writes {
                let table = (write.bucket, environment.table(write.bucket))
                if let value = write.value {
                    try unsafe put(transaction, table, write.key, value, flags: 0)
                } else {
                    try unsafe delete(transaction, table, write.key)
                }
            }
        } catch {
            unsafe mdb_txn_abort(transaction)
            throw error
        }
        try unsafe LMDBEnvironment.check(mdb_txn_commit(transaction), "commit", path)
    }

    private func put(
        _ transaction: OpaquePointer,
        _ table: (bucket: Bucket, number: MDB_dbi),
        _ key: [UInt8],
        _ value: [UInt8],
        flags: Int32
    ) throws(BackendError) {
        try checkKey(key, in: table.bucket)
        let code = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                var key = unsafe LMDBEnvironment.value(key)
                var value = unsafe LMDBEnvironment.value(value)
                return unsafe mdb_put(transaction, table.number, &key, &value, UInt32(flags))
            }
        }
        try LMDBEnvironment.check(code, "put into \(table.bucket.rawValue)", path)
    }

    private func delete(
        _ transaction: OpaquePointer,
        _ table: (bucket: Bucket, number: MDB_dbi),
        _ key: [UInt8]
    ) throws(BackendError) {
        try checkKey(key, in: table.bucket)
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe LMDBEnvironment.value(key)
            return unsafe mdb_del(transaction, table.number, &key, nil)
        }
        // A row that the index deletes is there, or the files are not what was written.
        guard code != MDB_NOTFOUND || table.bucket == .key else { return }
        try LMDBEnvironment.check(code, "delete from \(table.bucket.rawValue)", path)
    }

    private func checkKey(_ key: [UInt8], in bucket: Bucket) throws(BackendError) {
        guard key.isEmpty || key.count > LMDBBackend.maximalKeySize else { return }
        throw BackendError(
            kind: .badKey,
            operation: "write to \(bucket.rawValue)",
            path: path,
            detail: "a key has \(key.count) bytes; 1 to \(LMDBBackend.maximalKeySize) are possible"
        )
    }

    // MARK: Reading

    package func get(_ bucket: Bucket, _ key: [UInt8]) throws(BackendError) -> [UInt8]? {
        let environment = try checkOpen("get")
        var found: [UInt8] = []
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe LMDBEnvironment.value(key)
            var value = unsafe MDB_val()
            let code = unsafe mdb_get(reader, environment.table(bucket), &key, &value)
            if code == 0 { found = unsafe Array(LMDBEnvironment.bytes(value)) }
            return code
        }
        if code == MDB_NOTFOUND { return nil }
        try LMDBEnvironment.check(code, "get from \(bucket.rawValue)", path)
        return found
    }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        let environment = try checkOpen("scan")
        try unsafe environment.scan(reader, bucket, from: from, body)
    }

    package func openView() throws(BackendError) -> any BackendView {
        let environment = try checkOpen("open a view")
        return try LMDBView(environment)
    }

    package func renewReader() throws(BackendError) {
        let environment = try checkOpen("renew reader")
        unsafe mdb_txn_reset(reader)
        try unsafe LMDBEnvironment.check(mdb_txn_renew(reader), "renew reader", path)
        sizeInUse = try countUsedBytes(environment)
    }

    // MARK: Giving space back

    package func writeCompactCopy() throws(BackendError) {
        try CompactCopy(in: path).write(try checkOpen("defragment"))
    }

    package func adoptCompactCopy() throws(BackendError) {
        _ = try checkOpen("defragment")
        try CompactCopy(in: path).adopt()
        let fresh = try LMDBEnvironment(directory: path, mapSize: mapSize)
        let freshReader = try unsafe fresh.begin(MDB_RDONLY, "begin reading")
        unsafe mdb_txn_abort(reader)
        unsafe reader = freshReader
        environment = fresh
        sizeInUse = try countUsedBytes(fresh)
    }

    /// The size of `data.mdb`: it shrinks only when it is defragmented.
    package var sizeOnDisk: Int64 {
        guard let environment else { return 0 }
        var info = unsafe MDB_envinfo()
        var statistics = MDB_stat()
        guard unsafe mdb_env_info(environment.pointer, &info) == 0,
            unsafe mdb_env_stat(environment.pointer, &statistics) == 0
        else { return 0 }
        return unsafe Int64(info.me_last_pgno + 1) * Int64(statistics.ms_psize)
    }

    /// The pages that tables occupy in the reader's view, with the table of tables and the two
    /// pages at the front; the rest of the file is free for reuse.
    private func countUsedBytes(_ environment: LMDBEnvironment) throws(BackendError) -> Int64 {
        var main = MDB_stat()
        try unsafe LMDBEnvironment.check(
            mdb_env_stat(environment.pointer, &main),
            "count pages",
            path
        )
        var bytes =
            Int64(2 + main.ms_branch_pages + main.ms_leaf_pages) * Int64(main.ms_psize)
        for table in environment.tables {
            var statistics = MDB_stat()
            try unsafe LMDBEnvironment.check(
                mdb_stat(reader, table, &statistics),
                "count pages",
                path
            )
            let pages =
                statistics.ms_branch_pages + statistics.ms_leaf_pages
                + statistics.ms_overflow_pages
            bytes += Int64(pages) * Int64(statistics.ms_psize)
        }
        return bytes
    }

    private func checkOpen(_ operation: String) throws(BackendError) -> LMDBEnvironment {
        if let environment { return environment }
        throw BackendError(
            kind: .closed,
            operation: operation,
            path: path,
            detail: "the backend is closed"
        )
    }
}
