import Glibc

/// A thread of the operating system, for work that blocks on the disk.
final class SystemThread: Sendable {
    private let thread: pthread_t

    /// Starts it. A system without room for a thread at start cannot run a member: that stops the
    /// process. Names longer than 15 bytes are cut, as the kernel demands.
    init(name: String, _ body: @escaping @Sendable () -> Void) {
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let failed = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                nameThisThread(start.name)
                start.body()
                return nil
            },
            start.toOpaque()
        )
        invariant(failed == 0, "cannot start the thread \(name): error \(failed)")
        self.thread = thread
    }

    /// Waits for its end; once.
    func join() {
        invariant(
            pthread_equal(thread, pthread_self()) == 0,
            "a thread cannot wait for its own end"
        )
        let failed = pthread_join(thread, nil)
        invariant(failed == 0, "cannot wait for a thread: error \(failed)")
    }
}

/// Shows the name in `top` and debuggers; without effect where /proc is not mounted.
private func nameThisThread(_ name: String) {
    let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    let bytes = Array(name.utf8.prefix(15))
    _ = unsafe write(file, bytes, bytes.count)
    _ = close(file)
}

private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// Threads that are started after their owner is complete, and joined with it.
final class Threads: Sendable {
    private let threads = Monitor<[SystemThread]>([])

    func start(_ started: SystemThread...) {
        threads.withLock { $0 += started }
    }

    func join() {
        let joined = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        joined.forEach { $0.join() }
    }
}
