package import Keyspace

/// The rows of one machine's backends, by numbers that stand for them on its disk; see `RowFile`.
package final class RowArchive: @unchecked Sendable {  // because a world has one thread
    private var states: [UInt64: MemoryBackend] = [:]
    private var count: UInt64 = 0
    /// Errors that the next commits throw instead of doing anything.
    package var failures: [BackendError.Kind] = []

    /// Rows that no file names any more are kept too, for who goes back in time.
    private let keepsAll: Bool

    package init(keepsAll: Bool = false) {
        self.keepsAll = keepsAll
    }

    /// Keeps what a backend has committed; gives its number.
    func add(_ rows: MemoryBackend) -> UInt64 {
        count += 1
        states[count] = rows.copy()
        return count
    }

    /// Rows to go on with; nil when the number stands for none.
    func rows(_ number: UInt64) -> MemoryBackend? {
        states[number]?.copy()
    }

    /// No file will name this number again.
    func forget(_ number: UInt64) {
        if !keepsAll { states[number] = nil }
    }
}
