internal import CLMDB
internal import Glibc

/// How LMDB's file loses what is not used any more: a copy without it takes its place.
///
///     data.mdb            what the backend reads and writes
///     data.mdb.compact    the copy in the making, of no meaning
///     lock.mdb            LMDB's, who reads what; only of meaning for one `data.mdb`
///
/// The copy is synced, then given the name of the file, then the directory is synced. Nothing is
/// committed in between, so whatever a crash leaves under the name `data.mdb` is the whole store.
/// The lock file goes before that: the next to open the directory makes a new one, while those who
/// still read the old file keep theirs.
struct CompactCopy {
    private let directory: String
    private let copy: String

    init(in directory: String) {
        self.directory = directory
        copy = directory + "/data.mdb.compact"
    }

    /// Removes what a crash has left.
    func discard() throws(BackendError) {
        let failed = unsafe unlink(copy) != 0 && errno != ENOENT
        if failed { throw LMDBEnvironment.error(errno, "remove an unfinished copy", copy) }
    }

    func write(_ environment: LMDBEnvironment) throws(BackendError) {
        try discard()
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
        let descriptor = unsafe open(copy, flags, 0o600)
        guard descriptor >= 0 else {
            throw LMDBEnvironment.error(errno, "create a compact copy", copy)
        }
        var code = unsafe mdb_env_copyfd2(environment.pointer, descriptor, UInt32(MDB_CP_COMPACT))
        if code == 0, fsync(descriptor) != 0 { code = errno }
        if Glibc.close(descriptor) != 0, code == 0 { code = errno }
        if code != 0 {
            try discard()
            throw LMDBEnvironment.error(code, "write a compact copy", copy)
        }
    }

    func adopt() throws(BackendError) {
        let lock = directory + "/lock.mdb"
        if unsafe unlink(lock) != 0, errno != ENOENT {
            throw LMDBEnvironment.error(errno, "remove the lock file", lock)
        }
        guard unsafe rename(copy, directory + "/data.mdb") == 0 else {
            throw LMDBEnvironment.error(errno, "put the compact copy in place", copy)
        }
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw LMDBEnvironment.error(errno, "open the directory", directory)
        }
        let failed = fsync(descriptor) != 0
        let code = errno
        _ = Glibc.close(descriptor)
        if failed { throw LMDBEnvironment.error(code, "sync the directory", directory) }
    }
}
