import Glibc

/// Why a disk operation failed: what was tried, on which path, and the system's reason.
package struct DiskError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The cases callers act on; everything else is `.other`.
    package enum Kind: Hashable, Sendable {
        case notFound
        case alreadyExists
        case permissionDenied
        case noSpace
        /// The device failed (EIO), or a sync did: what was written may be gone.
        case ioFailure
        /// Another process holds the lock.
        case locked
        /// Larger than the caller was ready to read.
        case tooLarge
        /// The simulated machine lost power (`MemoryDisk` only).
        case crashed
        case other
    }

    package let kind: Kind
    package let operation: String
    package let path: String
    /// The system's error number; 0 when the system reported none.
    package let errno: Int32
    package let reason: String

    package init(_ kind: Kind, _ operation: String, _ path: String, reason: String) {
        self.kind = kind
        self.operation = operation
        self.path = path
        self.errno = 0
        self.reason = reason
    }

    /// From a system call's error number.
    package init(errno: Int32, _ operation: String, _ path: String) {
        self.kind =
            switch errno {
            case ENOENT, ENOTDIR: .notFound
            case EEXIST, ENOTEMPTY: .alreadyExists
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOSPC, EDQUOT: .noSpace
            case EIO: .ioFailure
            case EWOULDBLOCK: .locked
            default: .other
            }
        self.operation = operation
        self.path = path
        self.errno = errno
        self.reason =
            unsafe strerror(errno).map { text in unsafe String(cString: text) }
            ?? "error \(errno)"
    }

    package var description: String {
        "cannot \(operation) \(path): \(reason)"
    }
}
