import Glibc

/// A value behind a mutex, with a condition to wait for: what threads share here.
@safe final class Monitor<State>: @unchecked Sendable {
    // `state` is touched only between lock and unlock, which makes the type safe to share.
    private var state: State
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init(_ state: State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        let failed = unsafe pthread_mutex_init(mutex, nil) + pthread_cond_init(condition, nil)
        invariant(failed == 0, "cannot make a mutex and a condition")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        lock()
        defer { unlock() }
        return body(&state)
    }

    /// Waits until `body`, called whenever the state may have changed, returns something.
    func wait<Result>(until body: (inout State) -> Result?) -> Result {
        lock()
        defer { unlock() }
        while true {
            if let result = body(&state) { return result }
            let failed = unsafe pthread_cond_wait(condition, mutex)
            invariant(failed == 0, "cannot wait for a condition: error \(failed)")
        }
    }

    /// Wakes those who wait, after a change they may wait for.
    func signalAll() {
        unsafe pthread_cond_broadcast(condition)
    }

    private func lock() {
        let failed = unsafe pthread_mutex_lock(mutex)
        invariant(failed == 0, "cannot lock: error \(failed)")
    }

    private func unlock() {
        let failed = unsafe pthread_mutex_unlock(mutex)
        invariant(failed == 0, "cannot unlock: error \(failed)")
    }
}
