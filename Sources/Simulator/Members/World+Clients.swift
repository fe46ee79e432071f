import EtcdProto
import FoundationEssentials
package import Keyspace
package import Member
import Raft
import SwiftProtobuf

extension World {
    /// What became of a request, once it is known.
    package final class Answer<Value> {
        package var result: Swift.Result<Value, EtcdError>?

        package var isSuccess: Bool {
            if case .success = result { true } else { false }
        }

        package var error: EtcdError? {
            if case .failure(let error) = result { error } else { nil }
        }
    }

    /// Puts a value through the member of a machine, which must be running.
    @discardableResult
    package func put(_ key: String, _ value: String, on index: Int) -> Answer<Int64> {
        let answer = Answer<Int64>()
        perform(.put(key: key, value: value), by: -1, on: index) { outcome in
            switch outcome {
            case .done(let response): answer.result = .success(response.revision)
            case .failed(let error), .unknown(let error?): answer.result = .failure(error)
            case .unknown(nil): break
            }
        }
        return answer
    }

    /// Reads a key linearizably through the member of a machine, which must be running.
    @discardableResult
    package func get(_ key: String, on index: Int) -> Answer<String?> {
        let answer = Answer<String?>()
        perform(.range(Operation.KeyRange(key)), by: -1, on: index) { outcome in
            switch outcome {
            case .done(let response):
                if case .range(let rows) = response.result {
                    answer.result = .success(rows.first?.value)
                }
            case .failed(let error), .unknown(let error?): answer.result = .failure(error)
            case .unknown(nil): break
            }
        }
        return answer
    }

    /// Has a client ask the member of a machine. Gives the operation's number in the history; nil
    /// when no member runs there.
    @discardableResult
    func perform(
        _ request: Operation.Request,
        by client: Int,
        on index: Int,
        finish: @escaping (History.Outcome) -> Void
    ) -> Int? {
        guard let member = machines[index].member else { return nil }
        let token = history.begin(
            request,
            by: client,
            on: index,
            at: stage.now,
            finish: finish
        )
        stage.note(.ask, index, UInt64(token)) { "client \(client) asks \(request.summary)" }
        if stage.isPaused(index) {
            // It waits in a socket.
            stage.plan(for: index, in: 0) { [unowned self] in
                if history.isOpen(token) { take(request, token, member, index) }
            }
        } else {
            take(request, token, member, index)
        }
        return token
    }

    /// The request has come to the member.
    private func take(
        _ request: Operation.Request,
        _ token: Int,
        _ member: Member,
        _ index: Int
    ) {
        if member.isLearner {
            // A server does not pass a client's request on to a learner.
            conclude(token, index, .failure(.notSupportedForLearner))
        } else if request.isRead {
            read(request, token, member, index)
        } else {
            var command = request.raftRequest
            command.header.id = World.requestID(token)
            member.propose(
                command,
                timeoutTicks: options.requestTimeoutTicks
            ) { [unowned self] result in
                conclude(token, index, result.map { Operation.Response($0, to: request) })
            }
        }
        wake(index)
    }

    /// The id of a client's command in the log, by which it is known again.
    private static func requestID(_ token: Int) -> UInt64 {
        0x0101 << 48 | UInt64(token)
    }

    /// The history for a checker, when the members are alike and nothing more will happen.
    var finalOperations: [Operation] {
        var applied: Set<UInt64> = []
        for entry in committed.entries where entry.kind == .normal && !entry.data.isEmpty {
            guard let command = try? InternalRaftRequest(serializedBytes: entry.data) else {
                continue
            }
            applied.insert(command.header.id)
        }
        return history.operations { applied.contains(World.requestID($0)) } + leaseOperations
    }

    /// Leased keys are judged by the committed log and are kept apart from those that clients ask
    /// about. In the history each revision that only they have is one of an unknown client's puts
    /// of one further key, at any time.
    private var leaseOperations: [Operation] {
        var operations: [Operation] = []
        var isLeases: [Int64: Bool] = [:]
        for row in chronicle.rows {
            let isLeased = row.key.first == UInt8(ascii: "l")
            isLeases[row.revision.main] = isLeased && isLeases[row.revision.main] ?? true
        }
        for revision in 0...chronicle.revision where isLeases[revision] == true {
            operations.append(
                Operation(
                    client: -2,
                    invoked: 0,
                    returned: .max,
                    request: .put(key: "leases", value: "\(revision)"),
                    response: Operation.Response(revision: revision, result: .put)
                )
            )
        }
        return operations
    }

    private func read(
        _ request: Operation.Request,
        _ token: Int,
        _ member: Member,
        _ index: Int
    ) {
        let finish = { [unowned self, weak member] (error: EtcdError?) in
            guard let member else { return }
            if let error { return conclude(token, index, .failure(error)) }
            conclude(token, index, request.answer(from: member.keyspace))
        }
        if options.bugs.contains(.readsWithoutQuorum), member.isLeader {
            finish(nil)
        } else {
            member.read(timeoutTicks: options.requestTimeoutTicks, finish)
        }
    }

    private func conclude(
        _ token: Int,
        _ index: Int,
        _ result: Swift.Result<Operation.Response?, EtcdError>
    ) {
        guard history.isOpen(token) else { return }
        switch result {
        case .success(let response?):
            stage.note(.answer, index, UInt64(token), UInt64(bitPattern: response.revision)) {
                "answers \(response)"
            }
            report(history.answer(token, response, at: stage.now))
        case .success(nil):
            stage.report("answers fit their requests", "operation \(token)")
        case .failure(let error):
            stage.note(.answer, index, UInt64(token), 0, 1) { "fails: \(error)" }
            history.fail(token, error)
        }
    }
}

extension Member {
    /// The value of a key in this member's own state.
    package func value(of key: String) -> String? {
        var request = RangeRequest()
        request.key = Data(key.utf8)
        return (try? keyspace.range(request))?.kvs.first.map {
            String(decoding: $0.value, as: UTF8.self)
        }
    }
}
