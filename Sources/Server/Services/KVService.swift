import EtcdProto
import GRPC
import Keyspace
import Member

/// `etcdserverpb.KV`: reads from this member's state behind a barrier, writes through the log.
final class KVService {
    private let calls: ServiceCalls
    private let maxOperations: Int

    init(_ calls: ServiceCalls, maxOperations: Int) {
        self.calls = calls
        self.maxOperations = maxOperations
    }

    private var member: Member { calls.member }

    func method(_ name: Substring) -> GRPCMethod? {
        switch name {
        case "Range": calls.unary(servedByLearners: { $0.serializable }, range)
        case "Put": calls.unary(put)
        case "DeleteRange": calls.unary(deleteRange)
        case "Txn": calls.unary(txn)
        case "Compact": calls.unary(compact)
        default: nil
        }
    }

    private func range(
        _ request: RangeRequest,
        _ reply: @escaping ServiceCalls.Reply<RangeResponse>
    ) {
        guard passes({ () throws(EtcdError) in try self.member.keyspace.check(request) }, reply)
        else { return }
        if !request.rangeEnd.isEmpty {
            return behindBarrier(isNeeded: !request.serializable, reply) {
                RangeReading(request, self.calls, reply).begin()
            }
        }
        barrier(isNeeded: !request.serializable, reply) { () throws(EtcdError) in
            var response = try self.member.keyspace.range(request)
            response.header = self.calls.header(revision: response.header.revision)
            return response
        }
    }

    private func put(_ request: PutRequest, _ reply: @escaping ServiceCalls.Reply<PutResponse>) {
        guard passes({ () throws(EtcdError) in try self.member.keyspace.check(request) }, reply)
        else { return }
        var command = InternalRaftRequest()
        command.put = request
        calls.propose(command, reply) { response in
            guard case .put(var put) = response else { return nil }
            put.header = self.calls.header(revision: put.header.revision)
            return put
        }
    }

    private func deleteRange(
        _ request: DeleteRangeRequest,
        _ reply: @escaping ServiceCalls.Reply<DeleteRangeResponse>
    ) {
        guard passes({ () throws(EtcdError) in try self.member.keyspace.check(request) }, reply)
        else { return }
        var command = InternalRaftRequest()
        command.deleteRange = request
        calls.propose(command, reply) { response in
            guard case .deleteRange(var deletion) = response else { return nil }
            deletion.header = self.calls.header(revision: deletion.header.revision)
            return deletion
        }
    }

    private func txn(_ request: TxnRequest, _ reply: @escaping ServiceCalls.Reply<TxnResponse>) {
        let limit = maxOperations
        guard
            passes(
                { () throws(EtcdError) in try self.member.keyspace.check(request, maxOps: limit) },
                reply
            )
        else { return }
        if request.isReadOnly {
            return barrier(isNeeded: !request.isSerializable, reply) { () throws(EtcdError) in
                var response = try self.member.keyspace.read(request)
                response.header = self.calls.header(revision: response.header.revision)
                return response
            }
        }
        var command = InternalRaftRequest()
        command.txn = request
        calls.propose(command, reply) { response in
            guard case .txn(var txn) = response else { return nil }
            txn.header = self.calls.header(revision: txn.header.revision)
            return txn
        }
    }

    private func compact(
        _ request: CompactionRequest,
        _ reply: @escaping ServiceCalls.Reply<CompactionResponse>
    ) {
        var command = InternalRaftRequest()
        command.compaction = request
        let answer: ServiceCalls.Reply<CompactionResponse> = { result in
            guard request.physical, case .success = result else { return reply(result) }
            self.calls.loop.awaitCompaction(request.revision) { reply(result) }
        }
        calls.propose(command, answer) { response in
            guard case .compaction(var compaction) = response else { return nil }
            compaction.header = self.calls.header(revision: compaction.header.revision)
            return compaction
        }
    }

    // MARK: Reading

    /// Whether a request is well-formed; if not, it has been answered.
    private func passes<Response>(
        _ check: () throws(EtcdError) -> Void,
        _ reply: ServiceCalls.Reply<Response>
    ) -> Bool {
        do throws(EtcdError) {
            try check()
            return true
        } catch {
            reply(.failure(error))
            return false
        }
    }

    /// Reads the local state, if needed once it is certain to hold all that was acknowledged.
    private func barrier<Response>(
        isNeeded: Bool,
        _ reply: @escaping ServiceCalls.Reply<Response>,
        _ read: @escaping () throws(EtcdError) -> Response
    ) {
        behindBarrier(isNeeded: isNeeded, reply) { reply(Result(catching: read)) }
    }

    /// Runs `body` when that is so; or answers why it cannot be known.
    private func behindBarrier<Response>(
        isNeeded: Bool,
        _ reply: @escaping ServiceCalls.Reply<Response>,
        _ body: @escaping () -> Void
    ) {
        let loop = calls.loop
        guard isNeeded else { return loop.perform(body) }
        member.read { error in
            if let error { return reply(.failure(error)) }
            loop.perform(body)
        }
    }
}
