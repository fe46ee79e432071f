import EtcdProto
import Foundation
import Keyspace
import Member

extension World {
    /// What became of a request, once it is known.
    final class Answer<Value> {
        var result: Result<Value, EtcdError>?

        var isSuccess: Bool {
            if case .success = result { true } else { false }
        }

        var error: EtcdError? {
            if case .failure(let error) = result { error } else { nil }
        }
    }

    /// Puts a value through the member of a machine, which must be running.
    @discardableResult
    func put(_ key: String, _ value: String, on index: Int) -> Answer<Int64> {
        let answer = Answer<Int64>()
        guard let member = machines[index].member else { return answer }
        let operation = Operation(self, index)
        var request = InternalRaftRequest()
        request.put.key = Data(key.utf8)
        request.put.value = Data(value.utf8)
        member.propose(request, timeoutTicks: options.requestTimeoutTicks) { [self] result in
            guard operation.isOpen else { return }
            switch result {
            case .success(.put(let response)):
                let revision = response.header.revision
                history.wrote(key, value, at: revision, begunAt: operation.floor).map(report)
                answer.result = .success(revision)
            case .success(let other):
                report("a put was answered by \(other)")
            case .failure(let error):
                history.failed(error)
                answer.result = .failure(error)
            }
        }
        wake(index)
        return answer
    }

    /// Reads a key linearizably through the member of a machine, which must be running.
    @discardableResult
    func get(_ key: String, on index: Int) -> Answer<String?> {
        let answer = Answer<String?>()
        guard let member = machines[index].member else { return answer }
        let operation = Operation(self, index)
        let finish = { [self, weak member] (error: EtcdError?) in
            guard operation.isOpen, let member else { return }
            if let error {
                history.failed(error)
                answer.result = .failure(error)
                return
            }
            history.read(at: member.keyspace.revision, begunAt: operation.floor).map(report)
            answer.result = .success(member.value(of: key))
        }
        if options.bug == .readsAtOnce {
            finish(nil)
        } else {
            member.read(timeoutTicks: options.requestTimeoutTicks, finish)
        }
        wake(index)
        return answer
    }

    /// An operation of a client on one run of a member. When that run ends, it is never answered.
    private final class Operation {
        let floor: Int64
        private let machine: Machine
        private let run: Int
        private let history: History
        private var isAnswered = false

        init(_ world: World, _ index: Int) {
            history = world.history
            machine = world.machines[index]
            run = machine.run
            floor = history.begin()
        }

        /// Asked once, by the answer.
        var isOpen: Bool {
            isAnswered = machine.run == run
            return isAnswered
        }

        deinit {
            if !isAnswered { history.forget(1) }
        }
    }
}

extension Member {
    /// The value of a key in this member's own state.
    func value(of key: String) -> String? {
        var request = RangeRequest()
        request.key = Data(key.utf8)
        return (try? keyspace.range(request))?.kvs.first.map {
            String(decoding: $0.value, as: UTF8.self)
        }
    }
}
