import Keyspace
import NIOPosix

/// The thread on which batches are committed, one after the other, and files defragmented.
final class BackendThread: Sendable {
    private let pool = NIOThreadPool(numberOfThreads: 1)
    let backend: any Backend

    init(_ backend: any Backend) {
        self.backend = backend
        pool.start()
    }

    /// `done` runs on the thread, when the batch is durable or has failed.
    func commit(
        _ batch: WriteBatch,
        done: @escaping @Sendable (Result<Void, BackendError>) -> Void
    ) {
        pool.submit { state in
            guard state == .active else { return }
            done(Result { () throws(BackendError) in try self.backend.commit(batch) })
        }
    }

    /// Writes a compact copy of the backend's file.
    func copy(done: @escaping @Sendable (Result<Void, BackendError>) -> Void) {
        pool.submit { state in
            guard state == .active else { return }
            done(Result { () throws(BackendError) in try self.backend.writeCompactCopy() })
        }
    }

    /// Waits for the commit that is under way, if any, and closes the backend.
    func stop() async {
        do {
            try await pool.shutdownGracefully()
        } catch {
            // The only error is "already shut down".
        }
        backend.close()
    }
}
