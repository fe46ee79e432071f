import CLinux
import Glibc
import Storage

/// Runs programs that end by themselves.
struct ToolRunner: Sendable {
    let events: FileEvents
    /// The exit code of `etcd-member` for damaged data.
    private static let corruption: Int32 = 65

    /// Runs it to its end. Returns what it wrote, which is in the file too.
    func run(
        _ program: String,
        _ arguments: [String],
        log: String
    ) async throws(OperatorError) -> String {
        let process = try start(program, arguments, log: log)
        await process.waitForEnd()
        let output = text(log)
        // It can be asked only once.
        let status = process.takeStatus()
        guard status == .code(0) else {
            if Task.isCancelled { throw OperatorError(.process, "the operator is stopping") }
            let last = output.split(separator: "\n").last.map(String.init) ?? ""
            throw OperatorError(
                status == .code(ToolRunner.corruption) ? .damaged : .process,
                "\(program) \(arguments.prefix(2).joined(separator: " ")) failed: \(last)",
                at: log
            )
        }
        return output
    }

    func start(
        _ program: String,
        _ arguments: [String],
        log: String
    ) throws(OperatorError) -> ToolProcess {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC
        let output = unsafe Glibc.open(log, flags, mode_t(0o600))
        guard output >= 0 else {
            throw OperatorError(state: DiskError(errno: errno, "open", log))
        }
        defer { close(output) }
        let id = spawn(program, [program] + arguments, memberEnvironment(), output)
        guard id > 0 else {
            throw OperatorError(
                .binaryMissing,
                "the program cannot be executed: \(systemMessage(-id))",
                at: program
            )
        }
        return try ToolProcess(id, events)
    }

    /// What was written last, which is where a tool says what came of it.
    private func text(_ path: String) -> String {
        // What cannot be read is only missing in a message.
        guard let file = try? FileDisk().open(path, .read) else { return "" }
        defer { file.close() }
        let start = max(0, ((try? file.size()) ?? 0) - 1 << 20)
        return String(decoding: (try? file.read(at: start, count: 1 << 20)) ?? [], as: UTF8.self)
    }
}

/// A child that the operator waits for.
final class ToolProcess: Sendable {
    private let descriptor: Int32
    private let events: FileEvents
    private let watch: FileEvents.Key
    private let ended: Latch

    fileprivate init(_ id: Int32, _ events: FileEvents) throws(OperatorError) {
        let descriptor = clinux_pidfd_open(id)
        guard descriptor >= 0 else {
            throw OperatorError(
                .process,
                "process \(id) cannot be held: \(systemMessage(-descriptor))"
            )
        }
        let ended = Latch()
        self.descriptor = descriptor
        self.events = events
        self.ended = ended
        watch = try events.watch(descriptor) { ended.open() }
    }

    /// Nobody waits any more: it shall not work on alone.
    deinit {
        if !ended.isOpen { _ = clinux_pidfd_signal(descriptor, SIGKILL) }
        events.forget(watch)
        var result = clinux_exit()
        _ = unsafe clinux_pidfd_reap(descriptor, &result)
        close(descriptor)
    }

    var hasEnded: Bool { ended.isOpen }

    /// How it ended; nil while it has not. The system tells it once, and then knows no more.
    func takeStatus() -> ExitStatusOfTool? {
        guard hasEnded else { return nil }
        var result = clinux_exit()
        guard unsafe clinux_pidfd_reap(descriptor, &result) == 1 else { return .unknown }
        return result.by_signal ? .signal(result.value) : .code(result.value)
    }

    enum ExitStatusOfTool: Hashable {
        case code(Int32)
        case signal(Int32)
        case unknown
    }

    func waitForEnd() async {
        await ended.wait()
    }

    /// True when it has ended within the time.
    func waitForEnd(atMost limit: Duration) async -> Bool {
        await ended.wait(atMost: limit)
    }

    /// Asks it to end, makes it end when it does not, and returns when it has.
    func end(patience: Duration) async throws(OperatorError) {
        // An operator that is stopping waits for this as well, and no longer than that.
        let patience = Task.isCancelled ? min(patience, .seconds(5)) : patience
        _ = clinux_pidfd_signal(descriptor, SIGTERM)
        if await hasEnded(within: patience) { return }
        _ = clinux_pidfd_signal(descriptor, SIGKILL)
        guard await hasEnded(within: .seconds(10)) else {
            throw OperatorError(.process, "a process does not end, not even when killed")
        }
    }

    /// Waits also in a task that was cancelled.
    private func hasEnded(within limit: Duration) async -> Bool {
        await Task { [ended] in await ended.wait(atMost: limit) }.value
    }
}
