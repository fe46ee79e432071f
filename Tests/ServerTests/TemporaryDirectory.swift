import Glibc
import Storage

/// A directory of a test, removed with the last reference.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/server-tests-XXXXXX".utf8CString)
        path = try unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else {
                throw DiskError(errno: errno, "create", "/tmp/server-tests-XXXXXX")
            }
            return unsafe String(cString: made)
        }
    }

    deinit {
        try? FileDisk().removeAll(path)  // what is left over is in /tmp
    }
}
