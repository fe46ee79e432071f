import Keyspace
import Logging
import Member
import NIOCore
import NIOPosix

// Work on the whole of the backend: the loop keeps the order, other threads do it.

// MARK: - Flushing
extension MemberLoop {
    /// Brings into the backend what is applied now; calls back when it is there, or when the member
    /// has come to its end before.
    func flushBackend(_ done: @escaping () -> Void) {
        guard !isIdle, member.keyspace.pendingOperations > 0 || isCommitting else { return done() }
        // What a commit under way does not have needs a second one.
        flushes.append((isCommitting ? 2 : 1, done))
        isBackendDue = true
        wake()
    }

    /// A commit is over.
    func answerFlushes() {
        guard !flushes.isEmpty else { return }
        let isEmpty = member.keyspace.pendingOperations == 0
        let waiting = flushes.map { (commits: $0.commits - 1, done: $0.done) }
        flushes = waiting.filter { $0.commits > 0 && !isEmpty }
        if !flushes.isEmpty { isBackendDue = true }
        for flush in waiting where flush.commits <= 0 || isEmpty { flush.done() }
    }

    /// The member has stopped, or was opened anew: nothing that was under way will be finished.
    func dropMaintenance() {
        let dropped = (flushes, defragmentation.callers, compactionWaiters)
        flushes = []
        defragmentation = Defragmentation()
        compactionWaiters = []
        for flush in dropped.0 { flush.done() }
        for caller in dropped.1 { caller(.failure(.stopped)) }
        for waiter in dropped.2 { waiter.done() }
    }
}

// MARK: - Compaction
extension MemberLoop {
    /// Calls back when all rows of a compaction that is applied are gone, durably.
    func awaitCompaction(_ revision: Int64, _ done: @escaping () -> Void) {
        compactionWaiters.append((revision, done))
        wake()
    }

    /// Says of each compaction once that its rows are gone.
    private func noteCompaction(to finished: Int64) {
        defer { notedCompaction = finished }
        guard let notedCompaction, finished > notedCompaction else { return }
        logger.info(
            "finished scheduled compaction",
            metadata: ["compact-revision": "\(finished)"]
        )
    }

    func answerCompactionWaiters() {
        let finished = member.keyspace.finishedCompactRevision
        if finished != notedCompaction { noteCompaction(to: finished) }
        guard !compactionWaiters.isEmpty else { return }
        let ready = compactionWaiters.filter { $0.revision <= finished }
        guard !ready.isEmpty else { return }
        compactionWaiters.removeAll { $0.revision <= finished }
        for waiter in ready { flushBackend(waiter.done) }
    }
}

// MARK: - Defragmentation
extension MemberLoop {
    /// Gives unused space of the backend back. Reads and writes go on meanwhile; only commits
    /// wait, up to what may be pending.
    func defragment(_ done: @escaping Defragmentation.Reply) {
        guard !isIdle else { return done(.failure(.stopped)) }
        defragmentation.callers.append(done)
        if defragmentation.callers.count == 1 { copyBackend() }
    }

    private func copyBackend() {
        let member = member
        flushBackend {
            guard !self.isIdle, member === self.member else { return }
            self.defragmentation.isCopying = true
            self.logger.info(
                "defragments the backend",
                metadata: ["bytes": "\(self.backend.backend.sizeOnDisk)"]
            )
            let loop = NIOLoopBound((self, member), eventLoop: self.eventLoop)
            self.backend.copy { result in
                loop.eventLoop.execute {
                    let (loop, member) = loop.value
                    // Else the files were closed meanwhile, and the callers know it.
                    guard !loop.isIdle, member === loop.member else { return }
                    loop.adoptCopy(result)
                }
            }
        }
    }

    private func adoptCopy(_ copied: Result<Void, BackendError>) {
        var answer: Result<Void, EtcdError> = .success(())
        switch copied {
        case .success:
            do throws(BackendError) {
                try backend.backend.adoptCompactCopy()
            } catch {
                return fail(.backend(error))
            }
            let bytes = backend.backend.sizeOnDisk
            logger.info("defragmented the backend", metadata: ["bytes": "\(bytes)"])
        case .failure(let error):
            logger.error("the backend was not defragmented", metadata: ["why": "\(error)"])
            answer = .failure(.defragmentation(error))
        }
        defragmentation.isCopying = false
        if let batch = defragmentation.takeHeldBatch() { commit(batch) }
        let caller = defragmentation.callers.removeFirst()
        if !defragmentation.callers.isEmpty { copyBackend() }
        caller(answer)
    }
}

// MARK: - Checksums
extension MemberLoop {
    /// Keys that are looked at before others get a turn.
    static let keysPerSlice = 1_000

    /// The checksum of a revision: keys are looked at here, some at a time; rows are added up on
    /// another thread.
    func hashKV(at revision: Int64, _ done: @escaping (Result<KeyspaceHash, EtcdError>) -> Void) {
        if let known = compactionHashes[revision] { return done(.success(known)) }
        let hasSlot = views.take {
            let done = { (result: Result<KeyspaceHash, EtcdError>) in
                self.views.release()
                done(result)
            }
            self.perform { self.beginHash(at: revision, done) }
        }
        if !hasSlot { done(.failure(.tooManyRequests)) }
    }

    private func beginHash(
        at revision: Int64,
        _ done: @escaping (Result<KeyspaceHash, EtcdError>) -> Void
    ) {
        do throws(EtcdError) {
            let walk = HashInSlices(try HashWalk(member.keyspace, at: revision), member.keyspace)
            continueHash(walk, at: revision, done)
        } catch {
            done(.failure(error))
        }
    }

    private func continueHash(
        _ hash: HashInSlices,
        at revision: Int64,
        _ done: @escaping (Result<KeyspaceHash, EtcdError>) -> Void
    ) {
        // A snapshot has taken the place of the keyspace.
        guard hash.keyspace === member.keyspace else { return beginHash(at: revision, done) }
        let job: HashJob?
        do throws(EtcdError) {
            job = try hash.walk.step(hash.keyspace, keys: Self.keysPerSlice)
        } catch {
            return done(.failure(error))
        }
        guard let job else { return perform { self.continueHash(hash, at: revision, done) } }
        readView({ view throws(BackendError) in try job.run(on: view) }, done)
    }

    /// The checksum of everything that is applied now.
    func hashStore(_ done: @escaping (Result<(hash: UInt32, revision: Int64), EtcdError>) -> Void) {
        let hasSlot = views.take {
            self.flushBackend {
                self.perform {
                    let revision = self.member.keyspace.revision
                    self.readView({ view throws(BackendError) in try StoreHash.run(on: view) }) {
                        self.views.release()
                        done($0.map { ($0, revision) })
                    }
                }
            }
        }
        if !hasSlot { done(.failure(.tooManyRequests)) }
    }

    /// Opens a view now and reads it on another thread.
    func readView<Value: Sendable>(
        _ body: @escaping @Sendable (any BackendView) throws(BackendError) -> Value,
        _ done: @escaping (Result<Value, EtcdError>) -> Void
    ) {
        let view: any BackendView
        do throws(BackendError) {
            view = try backend.backend.openView()
        } catch {
            done(.failure(.stopped))
            return fail(.backend(error))
        }
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            defer { view.close() }
            return Result { () throws(BackendError) in try body(view) }
        }.assumeIsolated().whenComplete { result in
            switch result {
            case .success(.success(let value)): done(.success(value))
            case .success(.failure(let error)):
                done(.failure(.stopped))
                self.fail(.backend(error))
            case .failure: done(.failure(.stopped))  // the process ends
            }
        }
    }
}

/// A walk that grows while closures hold it.
final class HashInSlices {
    var walk: HashWalk
    let keyspace: Keyspace

    init(_ walk: HashWalk, _ keyspace: Keyspace) {
        self.walk = walk
        self.keyspace = keyspace
    }
}

extension EtcdError {
    /// gRPC's code for what a server's Go error says without one: unknown.
    fileprivate static func defragmentation(_ error: BackendError) -> EtcdError {
        EtcdError(code: 2, message: "\(error)")
    }
}
