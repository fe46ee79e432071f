import Glibc
import Storage

/// A program started by a test, and ended with it at the latest.
final class ChildProcess {
    let pid: pid_t
    private let outputPath: String
    private var status: Int32?

    /// `output` takes both standard output and standard error, unless the latter has a file of its
    /// own.
    init(
        _ program: String,
        _ arguments: [String],
        environment: [String] = ["PATH=/usr/bin:/bin", "ETCDCTL_API=3"],
        output: String,
        errors: String? = nil
    ) throws {
        outputPath = output
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(
            &actions,
            1,
            output,
            O_WRONLY | O_CREAT | O_APPEND,
            0o600
        )
        if let errors {
            let mode = O_WRONLY | O_CREAT | O_APPEND
            unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, mode, 0o600)
        } else {
            unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        // Else it would hold the ports of members that other tests run in this process.
        for descriptor in 3..<Int32(256) {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var arguments = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            unsafe (arguments + variables).forEach { unsafe free($0) }
        }
        var child = pid_t()
        let failed = unsafe posix_spawn(&child, program, &actions, nil, &arguments, &variables)
        guard failed == 0 else { throw DiskError(errno: failed, "start", program) }
        pid = child
    }

    deinit {
        guard status == nil else { return }
        _ = Glibc.kill(pid, SIGKILL)
        _ = wait()
    }

    /// Waits for the end; the exit code, or the negated number of the signal.
    func wait() -> Int32 {
        if let status { return status }
        var raw: Int32 = 0
        while unsafe waitpid(pid, &raw, 0) < 0 && errno == EINTR {}
        let code = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
        status = code
        return code
    }

    /// What a program that ended has left.
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Runs a program to its end; its streams go through files in `directory`.
    static func run(
        _ program: String,
        _ arguments: [String],
        in directory: String
    ) throws -> Outcome {
        let (output, errors) = ("\(directory)/run.output", "\(directory)/run.errors")
        for file in [output, errors] { try FileDisk().removeAll(file) }
        let process = try ChildProcess(program, arguments, output: output, errors: errors)
        let status = process.wait()
        let written = String(decoding: try FileDisk().read(errors), as: UTF8.self)
        return Outcome(status: status, output: process.output, errors: written)
    }

    func signal(_ number: Int32) {
        _ = Glibc.kill(pid, number)
    }

    /// What it has written so far.
    var output: String {
        guard let bytes = try? FileDisk().read(outputPath) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Waits until a line with this text was written, or the time is over.
    func waits(for text: String, seconds: Double = 10) async throws -> Bool {
        for _ in 0..<Int(seconds * 100) {
            if output.contains(text) { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

/// Where the programs are.
enum Programs {
    /// Beside the tests, where the package manager puts it.
    static let member: String? = {
        guard let test = unsafe realpath("/proc/self/exe", nil) else { return nil }
        defer { unsafe free(test) }
        let parts = unsafe String(cString: test).split(separator: "/")
        return existing("/" + parts.dropLast().joined(separator: "/") + "/etcd-member")
    }()

    private static func existing(_ path: String) -> String? {
        (try? FileDisk().status(path)) == nil ? nil : path
    }
}
