import Synchronization

/// Wakes one task that waits for the next reason to look again. Rings while nobody waits are kept
/// as one, so none is lost and none is heard twice.
final class Bell: Sendable {
    private struct State {
        var hasRung = false
        var waiter: AsyncStream<Never>.Continuation?
    }

    private let state = Mutex(State())

    func ring() {
        let waiter = state.withLock { state in
            state.hasRung = true
            return state.waiter
        }
        waiter?.finish()
    }

    /// Returns at the next ring, or when the time is over, or when the task is cancelled.
    func wait(atMost limit: Duration) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        let hasRung = state.withLock { state in
            state.waiter = continuation
            return state.hasRung
        }
        if !hasRung {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in stream {} }
                // Cancellation only ends the sleep early.
                group.addTask { try? await Task.sleep(for: limit) }
                await group.next()
                group.cancelAll()
            }
        }
        state.withLock { state in
            state.waiter = nil
            state.hasRung = false
        }
    }
}
