internal import CLMDB
internal import Glibc

/// A backend on LMDB: `data.mdb` and `lock.mdb` in a directory, one named table per bucket.
///
/// Every commit is synced (never `MDB_NOSYNC`), the map has a fixed size, and one read
/// transaction serves all reads until it is renewed. Rows of the `key` bucket are written with
/// `MDB_APPEND`, since revisions only grow.
///
/// The C library is called in this file only. `commit` runs on the backend thread with a
/// transaction of its own; all other members of this class belong to the keyspace's owner.
@safe
package final class LMDBBackend: Backend, @unchecked Sendable {  // because LMDB locks by itself
    private let environment: OpaquePointer
    private let reader: OpaquePointer
    private let tables: [MDB_dbi]
    private let path: String
    private var isClosed = false
    package private(set) var sizeInUse: Int64 = 0

    /// The longest key that LMDB takes, in bytes.
    package static let maximalKeySize = 511

    /// Opens the files in an existing directory, or creates them.
    ///
    /// - Parameter mapSize: The most bytes that `data.mdb` may grow to, rounded up to whole pages.
    package init(directory: String, mapSize: Int) throws(BackendError) {
        path = directory
        var created: OpaquePointer?
        try unsafe LMDBBackend.check(mdb_env_create(&created), "create environment", directory)
        guard let created = unsafe created else {
            throw LMDBBackend.error(ENOMEM, "create environment", directory)
        }
        unsafe environment = created
        do throws(BackendError) {
            try unsafe LMDBBackend.configure(created, directory: directory, mapSize: mapSize)
            tables = try unsafe LMDBBackend.openTables(created, directory)
            unsafe reader = try LMDBBackend.begin(created, MDB_RDONLY, "begin reading", directory)
        } catch {
            unsafe mdb_env_close(created)
            throw error
        }
        sizeInUse = try countUsedBytes()
    }

    deinit { close() }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        unsafe mdb_txn_abort(reader)
        unsafe mdb_env_close(environment)
    }

    // MARK: Opening

    private static func configure(
        _ environment: OpaquePointer,
        directory: String,
        mapSize: Int
    ) throws(BackendError) {
        let page = 65_536
        let size = (max(mapSize, page) + page - 1) / page * page
        try unsafe check(mdb_env_set_mapsize(environment, size), "set map size", directory)
        let tableCount = UInt32(Bucket.allCases.count)
        try unsafe check(mdb_env_set_maxdbs(environment, tableCount), "set table count", directory)
        let flags = UInt32(MDB_NOTLS)
        try unsafe check(mdb_env_open(environment, directory, flags, 0o600), "open", directory)
    }

    private static func openTables(
        _ environment: OpaquePointer,
        _ directory: String
    ) throws(BackendError) -> [MDB_dbi] {
        let transaction = try unsafe begin(environment, 0, "begin creating tables", directory)
        var tables: [MDB_dbi] = []
        for bucket in Bucket.allCases {
            var table: MDB_dbi = 0
            let name = bucket.rawValue
            let code = unsafe mdb_dbi_open(transaction, name, UInt32(MDB_CREATE), &table)
            if code != 0 {
                unsafe mdb_txn_abort(transaction)
                throw error(code, "open table \(name)", directory)
            }
            tables.append(table)
        }
        try unsafe check(mdb_txn_commit(transaction), "commit tables", directory)
        return tables
    }

    private static func begin(
        _ environment: OpaquePointer,
        _ flags: Int32,
        _ operation: String,
        _ directory: String
    ) throws(BackendError) -> OpaquePointer {
        var transaction: OpaquePointer?
        let code = unsafe mdb_txn_begin(environment, nil, UInt32(flags), &transaction)
        try check(code, operation, directory)
        guard let transaction = unsafe transaction else {
            throw error(ENOMEM, operation, directory)
        }
        return unsafe transaction
    }

    // MARK: Writing

    package func commit(_ batch: WriteBatch) throws(BackendError) {
        try checkOpen("commit")
        let transaction = try unsafe LMDBBackend.begin(environment, 0, "begin writing", path)
        do throws(BackendError) {
            for record in batch.records {
                try unsafe put(transaction, .key, record.key.bytes, record.value, flags: MDB_APPEND)
            }
            for key in batch.deletions { try unsafe delete(transaction, .key, key.bytes) }
            for write in batch.writes {
                if let value = write.value {
                    try unsafe put(transaction, write.bucket, write.key, value, flags: 0)
                } else {
                    try unsafe delete(transaction, write.bucket, write.key)
                }
            }
        } catch {
            unsafe mdb_txn_abort(transaction)
            throw error
        }
        try unsafe LMDBBackend.check(mdb_txn_commit(transaction), "commit", path)
    }

    private func put(
        _ transaction: OpaquePointer,
        _ bucket: Bucket,
        _ key: [UInt8],
        _ value: [UInt8],
        flags: Int32
    ) throws(BackendError) {
        try checkKey(key, in: bucket)
        let code = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                var key = unsafe LMDBBackend.value(key)
                var value = unsafe LMDBBackend.value(value)
                return unsafe mdb_put(transaction, table(bucket), &key, &value, UInt32(flags))
            }
        }
        try LMDBBackend.check(code, "put into \(bucket.rawValue)", path)
    }

    private func delete(
        _ transaction: OpaquePointer,
        _ bucket: Bucket,
        _ key: [UInt8]
    ) throws(BackendError) {
        try checkKey(key, in: bucket)
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe LMDBBackend.value(key)
            return unsafe mdb_del(transaction, table(bucket), &key, nil)
        }
        guard code != MDB_NOTFOUND else { return }
        try LMDBBackend.check(code, "delete from \(bucket.rawValue)", path)
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
        try checkOpen("get")
        var found: [UInt8] = []
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe LMDBBackend.value(key)
            var value = unsafe MDB_val()
            let code = unsafe mdb_get(reader, table(bucket), &key, &value)
            if code == 0 { found = unsafe Array(LMDBBackend.bytes(value)) }
            return code
        }
        if code == MDB_NOTFOUND { return nil }
        try LMDBBackend.check(code, "get from \(bucket.rawValue)", path)
        return found
    }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        try checkOpen("scan")
        var opened: OpaquePointer?
        let code = unsafe mdb_cursor_open(reader, table(bucket), &opened)
        try LMDBBackend.check(code, "open cursor on \(bucket.rawValue)", path)
        guard let cursor = unsafe opened else {
            throw LMDBBackend.error(ENOMEM, "open cursor on \(bucket.rawValue)", path)
        }
        defer { unsafe mdb_cursor_close(cursor) }
        let result = unsafe from.withUnsafeBytes { from in
            var key = unsafe LMDBBackend.value(from)
            var value = unsafe MDB_val()
            let first = unsafe from.isEmpty ? MDB_FIRST : MDB_SET_RANGE
            var code = unsafe mdb_cursor_get(cursor, &key, &value, first)
            while code == 0 {
                let keyBytes = unsafe LMDBBackend.bytes(key).bindMemory(to: UInt8.self)
                let valueBytes = unsafe LMDBBackend.bytes(value).bindMemory(to: UInt8.self)
                guard
                    unsafe body(Span(_unsafeElements: keyBytes), Span(_unsafeElements: valueBytes))
                else { return MDB_SUCCESS }
                code = unsafe mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
            }
            return code == MDB_NOTFOUND ? MDB_SUCCESS : code
        }
        try LMDBBackend.check(result, "scan \(bucket.rawValue)", path)
    }

    package func renewReader() throws(BackendError) {
        try checkOpen("renew reader")
        unsafe mdb_txn_reset(reader)
        try unsafe LMDBBackend.check(mdb_txn_renew(reader), "renew reader", path)
        sizeInUse = try countUsedBytes()
    }

    /// The size of `data.mdb`: it never shrinks.
    package var sizeOnDisk: Int64 {
        guard !isClosed else { return 0 }
        var info = unsafe MDB_envinfo()
        var statistics = MDB_stat()
        guard unsafe mdb_env_info(environment, &info) == 0,
            unsafe mdb_env_stat(environment, &statistics) == 0
        else { return 0 }
        return unsafe Int64(info.me_last_pgno + 1) * Int64(statistics.ms_psize)
    }

    /// The pages that tables occupy in the reader's view; the rest of the file is free for reuse.
    private func countUsedBytes() throws(BackendError) -> Int64 {
        var bytes: Int64 = 0
        for table in tables {
            var statistics = MDB_stat()
            try unsafe LMDBBackend.check(mdb_stat(reader, table, &statistics), "count pages", path)
            let pages =
                statistics.ms_branch_pages + statistics.ms_leaf_pages
                + statistics.ms_overflow_pages
            bytes += Int64(pages) * Int64(statistics.ms_psize)
        }
        return bytes
    }

    // MARK: The library's types

    private func table(_ bucket: Bucket) -> MDB_dbi {
        switch bucket {
        case .key: tables[0]
        case .meta: tables[1]
        case .lease: tables[2]
        case .alarm: tables[3]
        case .cluster: tables[4]
        case .members: tables[5]
        case .membersRemoved: tables[6]
        case .auth: tables[7]
        case .authUsers: tables[8]
        case .authRoles: tables[9]
        }
    }

    private static func value(_ bytes: UnsafeRawBufferPointer) -> MDB_val {
        unsafe MDB_val(
            mv_size: bytes.count,
            mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        )
    }

    private static func bytes(_ value: MDB_val) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
    }

    private func checkOpen(_ operation: String) throws(BackendError) {
        guard isClosed else { return }
        throw BackendError(
            kind: .closed,
            operation: operation,
            path: path,
            detail: "the backend is closed"
        )
    }

    private static func check(
        _ code: Int32,
        _ operation: @autoclosure () -> String,
        _ path: String
    ) throws(BackendError) {
        guard code != 0 else { return }
        throw error(code, operation(), path)
    }

    private static func error(_ code: Int32, _ operation: String, _ path: String) -> BackendError {
        let kind: BackendError.Kind =
            switch code {
            case MDB_MAP_FULL: .mapFull
            case ENOSPC, EDQUOT: .noSpace
            case EIO: .ioFailure
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOENT: .notFound
            case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH, MDB_KEYEXIST,
                MDB_PANIC:
                .corrupted
            case MDB_BAD_VALSIZE: .badKey
            default: .other
            }
        let detail = unsafe String(cString: mdb_strerror(code))
        return BackendError(kind: kind, operation: operation, path: path, detail: detail)
    }
}
