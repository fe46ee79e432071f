import EtcdProto
import Keyspace
import Member

/// One range on its way to an answer: some keys at a time, with turns of everybody else in between,
/// as of the revision at its beginning.
final class RangeReading {
    private let request: RangeRequest
    private let calls: ServiceCalls
    private let reply: ServiceCalls.Reply<RangeResponse>
    private var walk: RangeWalk?
    private var keyspace: Keyspace

    init(
        _ request: RangeRequest,
        _ calls: ServiceCalls,
        _ reply: @escaping ServiceCalls.Reply<RangeResponse>
    ) {
        self.request = request
        self.calls = calls
        self.reply = reply
        keyspace = calls.member.keyspace
    }

    func begin() {
        do throws(EtcdError) {
            keyspace = calls.member.keyspace
            walk = try RangeWalk(request, keyspace)
            goOn()
        } catch {
            reply(.failure(error))
        }
    }

    private func goOn() {
        // A snapshot has taken the place of the keyspace: it is at least as new.
        guard keyspace === calls.member.keyspace else { return begin() }
        do throws(EtcdError) {
            guard let rows = try walk?.step(keyspace, keys: MemberLoop.keysPerSlice) else {
                return calls.loop.perform { self.goOn() }
            }
            var response = rows.response
            response.header = calls.header(revision: response.header.revision)
            reply(.success(response))
        } catch {
            reply(.failure(error))
        }
    }
}
