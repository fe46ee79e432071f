import Glibc

/// SIGINT and SIGTERM as values: they are blocked in all threads, and one waits for them.
enum Signals {
    /// To be called before any other thread is started, because threads inherit what is blocked.
    static func block() {
        // A peer that has gone is an error of a write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        var set = ending
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for the next of them; its name.
    static func next() -> String {
        var set = ending
        var number: Int32 = 0
        while unsafe sigwait(&set, &number) != 0 {}
        return number == SIGINT ? "interrupt" : "terminated"
    }

    private static var ending: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGTERM)
        return set
    }
}
