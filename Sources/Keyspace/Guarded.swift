internal import Glibc

/// A value that threads share, behind a mutex.
@safe
final class Guarded<Value>: @unchecked Sendable {  // because the mutex guards the value
    private var value: Value
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        guard unsafe pthread_mutex_init(mutex, nil) == 0 else { fatalError("no mutex") }
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard unsafe pthread_mutex_lock(mutex) == 0 else { fatalError("cannot lock") }
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
