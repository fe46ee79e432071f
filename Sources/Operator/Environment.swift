package import ClusterAPI
import Glibc

/// An environment variable; nil when it is unset or empty.
package func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
}

/// What a member gets of the operator's environment. Nothing else, since an `ETCD_...` variable
/// would change a member behind the spec's back.
func memberEnvironment() -> [String] {
    ["HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"].compactMap { name in
        environment(name).map { "\(name)=\($0)" }
    }
}

/// The path with every symbolic link followed; nil when nothing is there.
package func realPath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
}

/// What a symbolic link says, which for those in `/proc` need not be a path; nil when there is none
/// or it may not be read.
func linkTarget(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// The path from which a process was started, even when another file is there by now, as after an
/// upgrade; nil when there is no such process or it may not be looked at.
///
/// - Parameter process: Its id, or `self`.
package func programPath(of process: String) -> String? {
    linkTarget("/proc/\(process)/exe").map { text in
        text.hasSuffix(" (deleted)") ? String(text.dropLast(" (deleted)".count)) : text
    }
}

/// The number of the user in whose name this program acts.
func effectiveUser() -> UInt32 {
    geteuid()
}

/// The user that a file belongs to; nil when that cannot be told.
func owner(of path: String) -> UInt32? {
    var info = stat()
    return unsafe stat(path, &info) == 0 ? info.st_uid : nil
}

/// Mode 0600. The folder is already the owner's alone; this is for whoever opens it up.
func restrictToOwner(_ path: String) {
    _ = unsafe chmod(path, 0o600)
}

/// The path from the root, without following links, so with `..` as it is.
func absolutePath(_ path: String) -> String {
    var whole = path
    if !path.hasPrefix("/"), let current = unsafe getcwd(nil, 0) {
        defer { unsafe free(current) }
        whole = unsafe "\(String(cString: current))/\(path)"
    }
    return "/" + whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
}

/// The system's words for an error number.
func systemMessage(_ number: Int32) -> String {
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
}

/// The wall clock in nanoseconds since 1970.
func wallNanoseconds() -> Int64 {
    var now = timespec()
    // It cannot fail for this clock.
    _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// The wall clock, to the millisecond: finer is noise in a status.
package func wallNow() -> Timestamp {
    let nanoseconds = wallNanoseconds()
    return Timestamp(
        seconds: nanoseconds / 1_000_000_000,
        nanoseconds: Int32(nanoseconds % 1_000_000_000 / 1_000_000 * 1_000_000)
    )
}

/// A moment on the clock that never goes back and goes on during sleep.
func monotonicNow() -> Duration {
    ContinuousClock.now - Environment.start
}

private enum Environment {
    // A fixed point well in the past, so that differences with it stay positive.
    static let start = ContinuousClock.now - .seconds(1)
}

extension Timestamp {
    /// As a part of a file's name, in the order of time.
    var fileName: String { description.filter { $0 != ":" } }
}
