import Glibc
import Synchronization

/// A descriptor of the machine's file system; as a lock, it holds the file's `flock`.
final class FileHandle: DiskFile, DiskLock {
    let path: String
    /// -1 once closed, so that a late call fails with EBADF and never hits another file's number.
    private let descriptor: Atomic<Int32>

    init(_ descriptor: Int32, path: String) {
        self.descriptor = Atomic(descriptor)
        self.path = path
    }

    deinit {
        close()
    }

    func read(at offset: Int64, count: Int) throws(DiskError) -> [UInt8] {
        let wanted = max(0, min(Int64(count), try size() - offset))
        let number = descriptor.load(ordering: .relaxed)
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(wanted)) { buffer, filled in
            while filled < buffer.count {
                let rest = unsafe UnsafeMutableBufferPointer(rebasing: buffer[filled...])
                let got = unsafe pread(
                    number,
                    rest.baseAddress,
                    rest.count,
                    off_t(offset) + filled
                )
                if got > 0 {
                    filled += got
                } else if got == 0 {
                    break
                } else if errno != EINTR {
                    failure = errno
                    break
                }
            }
        }
        guard failure == 0 else { throw DiskError(errno: failure, "read", path) }
        return bytes
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(DiskError) {
        let number = descriptor.load(ordering: .relaxed)
        let failure = unsafe bytes.withUnsafeBytes { buffer -> Int32 in
            var written = 0
            while written < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[written...])
                let put = unsafe pwrite(
                    number,
                    rest.baseAddress,
                    rest.count,
                    off_t(offset) + written
                )
                if put >= 0 {
                    written += put
                } else if errno != EINTR {
                    return errno
                }
            }
            return 0
        }
        guard failure == 0 else { throw DiskError(errno: failure, "write", path) }
    }

    func sync() throws(DiskError) {
        while fdatasync(descriptor.load(ordering: .relaxed)) != 0 {
            guard errno == EINTR else { throw DiskError(errno: errno, "sync", path) }
        }
    }

    func truncate(to size: Int64) throws(DiskError) {
        while ftruncate(descriptor.load(ordering: .relaxed), off_t(size)) != 0 {
            guard errno == EINTR else { throw DiskError(errno: errno, "truncate", path) }
        }
    }

    func size() throws(DiskError) -> Int64 {
        var info = stat()
        guard unsafe fstat(descriptor.load(ordering: .relaxed), &info) == 0 else {
            throw DiskError(errno: errno, "inspect", path)
        }
        return Int64(info.st_size)
    }

    func close() {
        let number = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
        if number >= 0 {
            // Linux frees the number even when close reports an error, and what must be durable
            // was synced before: there is nothing left to do about a failure.
            _ = Glibc.close(number)
        }
    }

    /// Waits for nobody: throws `.locked` when another open file description has the lock.
    func lockExclusively() throws(DiskError) {
        while flock(descriptor.load(ordering: .relaxed), LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK {
                throw DiskError(.locked, "lock", path, reason: "another process holds the lock")
            }
            guard errno == EINTR else { throw DiskError(errno: errno, "lock", path) }
        }
    }

    func release() {
        close()
    }
}
