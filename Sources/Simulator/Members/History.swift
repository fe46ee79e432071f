package import Keyspace

/// What clients asked and were told.
package final class History {
    /// What became of a request.
    enum Outcome {
        case done(Operation.Response)
        /// It had no effect.
        case failed(EtcdError)
        /// It may have an effect, now or later. Nil: the process that was asked has ended, or the
        /// client did not want to wait any longer.
        case unknown(EtcdError?)
    }

    /// Operations with their outcome, in the order in which that was known; see `Operation`. Those
    /// that failed for certain are not in it, and neither are reads that were never answered.
    package private(set) var operations: [Operation] = []
    /// Where in it those without an outcome are, and their numbers.
    private var unknown: [(position: Int, token: Int)] = []
    package private(set) var readCount = 0
    package private(set) var answerCount = 0
    package private(set) var failures: [EtcdError] = []
    private(set) var acknowledgedWrites = AcknowledgedWritesChecker()
    private(set) var revisions = RevisionChecker()

    private struct Open {
        let token: Int
        let operation: Operation
        let machine: Int
        /// The highest revision that had been seen when it began.
        let floor: Int64
        let finish: (Outcome) -> Void
    }

    private var open: [Open] = []
    private var nextToken = 0

    package var acknowledged: [(key: String, value: String, revision: Int64)] {
        acknowledgedWrites.writes
    }

    /// Operations begun and not answered.
    package var pending: Int { open.count }

    /// Begins an operation; what it gives has to be given back at its end.
    func begin(
        _ request: Operation.Request,
        by client: Int,
        on machine: Int,
        at time: Int,
        finish: @escaping (Outcome) -> Void
    ) -> Int {
        nextToken += 1
        let operation = Operation(client: client, invoked: time, request: request)
        open.append(
            Open(
                token: nextToken,
                operation: operation,
                machine: machine,
                floor: revisions.seen,
                finish: finish
            )
        )
        return nextToken
    }

    /// A put that is not one of the operations here was acknowledged.
    func acknowledge(_ key: String, _ value: String, at revision: Int64) {
        acknowledgedWrites.note(key, value, at: revision)
    }

    func isOpen(_ token: Int) -> Bool {
        open.contains { $0.token == token }
    }

    /// The operation has been answered; nothing happens if nobody waits for that any more.
    func answer(_ token: Int, _ response: Operation.Response, at time: Int) -> Violation? {
        guard let ended = take(token) else { return nil }
        var operation = ended.operation
        operation.returned = time
        operation.response = response
        operations.append(operation)
        answerCount += 1
        if case .range = operation.request { readCount += 1 }
        for (key, value) in operation.request.writes(of: response) {
            acknowledgedWrites.note(key, value, at: response.revision)
        }
        let violation = revisions.note(
            response.revision,
            isChange: operation.request.changes(with: response),
            begunAt: ended.floor,
            client: operation.client,
            machine: ended.machine
        )
        ended.finish(.done(response))
        return violation
    }

    func fail(_ token: Int, _ error: EtcdError) {
        guard let ended = take(token) else { return }
        failures.append(error)
        let request = ended.operation.request
        if request.isRead || Self.hadNoEffect(error) {
            ended.finish(.failed(error))
        } else {
            leaveOpen(ended)
            ended.finish(.unknown(error))
        }
    }

    /// The client does not wait any longer.
    func abandon(_ token: Int) {
        guard let ended = take(token) else { return }
        if !ended.operation.request.isRead { leaveOpen(ended) }
        ended.finish(.unknown(nil))
    }

    private func leaveOpen(_ ended: Open) {
        unknown.append((operations.count, ended.token))
        operations.append(ended.operation)
    }

    /// The operations without those that had no effect, as it turned out when all was over: a
    /// checker need not try them everywhere.
    func operations(ofWhich hadEffect: (_ token: Int) -> Bool) -> [Operation] {
        var kept = Array(repeating: true, count: operations.count)
        for (position, token) in unknown { kept[position] = hadEffect(token) }
        return zip(operations, kept).filter(\.1).map(\.0)
    }

    /// The process is gone, and with it the answers of what it was asked.
    func processEnded(_ machine: Int) {
        for ended in open.filter({ $0.machine == machine }) { abandon(ended.token) }
    }

    /// Nobody will wait any longer for anything.
    func abandonAll() {
        for ended in open { abandon(ended.token) }
    }

    private func take(_ token: Int) -> Open? {
        open.firstIndex { $0.token == token }.map { open.remove(at: $0) }
    }

    /// Errors after which a change has certainly not been made and will not be. All others leave it
    /// open: a timeout, and also `noSpace`, which is said of a change that was made.
    private static func hadNoEffect(_ error: EtcdError) -> Bool {
        [
            .tooManyRequests, .requestTooLarge, .compacted, .futureRev, .notSupportedForLearner,
        ].contains(error)
    }
}

extension Operation.Request {
    /// Whether it can change nothing.
    var isRead: Bool {
        switch self {
        case .range: true
        case .put, .delete: false
        case .txn(_, let success, let failure): (success + failure).allSatisfy(\.isRead)
        }
    }

    /// Whether it changed something, going by its answer.
    func changes(with response: Operation.Response) -> Bool {
        changes(with: response.result)
    }

    private func changes(with result: Operation.Result) -> Bool {
        switch result {
        case .put: return true
        case .range: return false
        case .delete(let count): return count > 0
        case .txn(let succeeded, let results):
            return zip(operations(succeeded), results).contains { request, result in
                request.changes(with: result)
            }
        }
    }

    /// The puts among what was carried out.
    func writes(of response: Operation.Response) -> [(key: String, value: String)] {
        switch self {
        case .put(let key, let value): return [(key, value)]
        case .range, .delete: return []
        case .txn:
            guard case .txn(let succeeded, _) = response.result else { return [] }
            return operations(succeeded).compactMap { request in
                guard case .put(let key, let value) = request else { return nil }
                return (key, value)
            }
        }
    }

    private func operations(_ succeeded: Bool) -> [Operation.Request] {
        guard case .txn(_, let success, let failure) = self else { return [] }
        return succeeded ? success : failure
    }
}
