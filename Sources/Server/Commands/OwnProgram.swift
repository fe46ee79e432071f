import Glibc

/// This program once more, for work that can end a process.
enum OwnProgram {
    /// How a process ended.
    enum End: Hashable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// Runs it with the same standard streams, and waits for its end.
    static func run(_ arguments: [String]) throws(Fatal) -> End {
        var words = unsafe (["etcd-member"] + arguments).map { unsafe strdup($0) }
        unsafe words.append(nil)
        defer { unsafe words.forEach { unsafe free($0) } }
        var pid: pid_t = 0
        let code = unsafe posix_spawn(&pid, "/proc/self/exe", nil, nil, words, environ)
        guard code == 0 else {
            throw Fatal(
                .failure,
                "cannot start another process: \(unsafe String(cString: strerror(code)))",
                remedy: "give --in-process"
            )
        }
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else {
                throw Fatal(.failure, "lost process \(pid)", remedy: "give --in-process")
            }
        }
        // As the macros of wait(2) take a status apart.
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
    }
}
