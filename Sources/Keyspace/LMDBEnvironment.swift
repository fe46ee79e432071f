internal import CLMDB
internal import Glibc

/// An open directory of LMDB's, shared by a backend and its views: closed by the last of them.
@safe
final class LMDBEnvironment: @unchecked Sendable {  // because LMDB locks by itself
    let path: String
    let pointer: OpaquePointer
    let tables: [MDB_dbi]

    init(directory: String, mapSize: Int) throws(BackendError) {
        path = directory
        var created: OpaquePointer?
        try unsafe Self.check(mdb_env_create(&created), "create environment", directory)
        guard let created = unsafe created else {
            throw Self.error(ENOMEM, "create environment", directory)
        }
        unsafe pointer = created
        do throws(BackendError) {
            try unsafe Self.configure(created, directory: directory, mapSize: mapSize)
            tables = try unsafe Self.openTables(created, directory)
        } catch {
            unsafe mdb_env_close(created)
            throw error
        }
    }

    /// Opens existing files without changing anything in them; a member may have them open.
    init(readingOnly directory: String) throws(BackendError) {
        path = directory
        var created: OpaquePointer?
        try unsafe Self.check(mdb_env_create(&created), "create environment", directory)
        guard let created = unsafe created else {
            throw Self.error(ENOMEM, "create environment", directory)
        }
        unsafe pointer = created
        do throws(BackendError) {
            let tableCount = UInt32(Bucket.allCases.count)
            try unsafe Self.check(
                mdb_env_set_maxdbs(created, tableCount),
                "set table count",
                directory
            )
            let flags = UInt32(MDB_NOTLS | MDB_RDONLY)
            try unsafe Self.check(mdb_env_open(created, directory, flags, 0), "open", directory)
            tables = try unsafe Self.openTables(created, directory, isReadOnly: true)
        } catch {
            unsafe mdb_env_close(created)
            throw error
        }
    }

    deinit { unsafe mdb_env_close(pointer) }

    /// Begins a transaction.
    func begin(_ flags: Int32, _ operation: String) throws(BackendError) -> OpaquePointer {
        unsafe try Self.begin(pointer, flags, operation, path)
    }

    /// Walks over rows as the transaction sees them.
    func scan(
        _ transaction: OpaquePointer,
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        var opened: OpaquePointer?
        let code = unsafe mdb_cursor_open(transaction, table(bucket), &opened)
        try LMDBEnvironment.check(code, "open cursor on \(bucket.rawValue)", path)
        guard let cursor = unsafe opened else {
            throw LMDBEnvironment.error(ENOMEM, "open cursor on \(bucket.rawValue)", path)
        }
        defer { unsafe mdb_cursor_close(cursor) }
        let result = unsafe from.withUnsafeBytes { from in
            var key = unsafe LMDBEnvironment.value(from)
            var value = unsafe MDB_val()
            let first = unsafe from.isEmpty ? MDB_FIRST : MDB_SET_RANGE
            var code = unsafe mdb_cursor_get(cursor, &key, &value, first)
            while code == 0 {
                let keyBytes = unsafe LMDBEnvironment.bytes(key).bindMemory(to: UInt8.self)
                let valueBytes = unsafe LMDBEnvironment.bytes(value).bindMemory(to: UInt8.self)
                guard
                    unsafe body(Span(_unsafeElements: keyBytes), Span(_unsafeElements: valueBytes))
                else { return MDB_SUCCESS }
                code = unsafe mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
            }
            return code == MDB_NOTFOUND ? MDB_SUCCESS : code
        }
        try LMDBEnvironment.check(result, "scan \(bucket.rawValue)", path)
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
        _ directory: String,
        isReadOnly: Bool = false
    ) throws(BackendError) -> [MDB_dbi] {
        let transaction = try unsafe begin(
            environment,
            isReadOnly ? MDB_RDONLY : 0,
            "begin opening tables",
            directory
        )
        let flags = UInt32(isReadOnly ? 0 : MDB_CREATE)
        var tables: [MDB_dbi] = []
        for bucket in Bucket.allCases {
            var table: MDB_dbi = 0
            let name = bucket.rawValue
            let code = unsafe mdb_dbi_open(transaction, name, flags, &table)
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

    // MARK: The library's types

    func table(_ bucket: Bucket) -> MDB_dbi {
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

    static func value(_ bytes: UnsafeRawBufferPointer) -> MDB_val {
        unsafe MDB_val(
            mv_size: bytes.count,
            mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        )
    }

    static func bytes(_ value: MDB_val) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
    }

    static func check(
        _ code: Int32,
        _ operation: @autoclosure () -> String,
        _ path: String
    ) throws(BackendError) {
        guard code != 0 else { return }
        throw error(code, operation(), path)
    }

    static func error(_ code: Int32, _ operation: String, _ path: String) -> BackendError {
        let kind: BackendError.Kind =
            switch code {
            case MDB_MAP_FULL: .mapFull
            case ENOSPC, EDQUOT: .noSpace
            case EIO: .ioFailure
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOENT: .notFound
            case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH, MDB_KEYEXIST,
                MDB_NOTFOUND, MDB_PANIC:
                .corrupted
            case MDB_BAD_VALSIZE: .badKey
            default: .other
            }
        let detail = unsafe String(cString: mdb_strerror(code))
        return BackendError(kind: kind, operation: operation, path: path, detail: detail)
    }
}
