import Glibc
import Synchronization

/// Ctrl-C and SIGTERM end a run of many seeds early, with the summary of those that were run; a
/// second one ends the program at once.
enum Interruption {
    private static let number = Atomic<Int32>(0)

    /// The signal that has come; nil: none.
    static var signal: Int32? {
        let signal = number.load(ordering: .relaxed)
        return signal == 0 ? nil : signal
    }

    /// From here on the first signal only leaves word.
    static func watch() {
        // Not for the first time in a signal handler.
        number.store(0, ordering: .relaxed)
        // Who starts a program from a thread that takes no signals hands that on to it.
        var taken = sigset_t()
        unsafe sigemptyset(&taken)
        for signal in [SIGINT, SIGTERM] {
            unsafe sigaddset(&taken, signal)
            let previous = Glibc.signal(signal) { signal in
                Interruption.number.store(signal, ordering: .relaxed)
                _ = Glibc.signal(signal, SIG_DFL)
            }
            // What the program was started to ignore stays ignored.
            if unsafe unsafeBitCast(previous, to: Int.self) == 1 {
                _ = Glibc.signal(signal, SIG_IGN)
            }
        }
        unsafe pthread_sigmask(SIG_UNBLOCK, &taken, nil)
    }

    /// A terminal tells the whole group; whose child this is ends it.
    static func leaveToParent() {
        _ = Glibc.signal(SIGINT, SIG_IGN)
    }
}
