import EtcdProto
import Keyspace
import Member
import NIOCore
import NIOHTTP1

/// Promotes a learner: only the leader knows whether it has caught up, so another member passes the
/// request on, until there is an answer or the time of a request is over.
final class PromotionForwarding {
    private let loop: MemberLoop
    private let id: MemberID
    private let reply: Member.MembersReply
    private let deadline: NIODeadline

    init(_ id: MemberID, _ loop: MemberLoop, _ reply: @escaping Member.MembersReply) {
        self.id = id
        self.loop = loop
        self.reply = reply
        let configuration = loop.member.configuration
        let milliseconds = configuration.requestTimeoutTicks * configuration.tickMilliseconds
        deadline = .now() + .milliseconds(Int64(milliseconds))
    }

    func run() {
        loop.member.promoteMember(id) { result in
            guard case .failure(.notLeader) = result else { return self.reply(result) }
            self.ask()
        }
        loop.wake()
    }

    private func ask() {
        let left = deadline - .now()
        guard left > .zero, !loop.isStopped else { return reply(.failure(.timeout)) }
        guard let link = loop.transport.link(to: loop.member.leader),
            let place = link.addresses.current
        else { return askLater() }
        let request = PeerRequest(
            path: PeerQuestions.promotePrefix + "\(id.rawValue)",
            method: .POST,
            headers: loop.transport.identity.headers(),
            timeout: left
        )
        loop.transport.client.ask(request, at: place) { result in
            guard case .success(let answer) = result else {
                link.addresses.failed(place)
                return self.askLater()
            }
            guard let verdict = Self.verdict(answer) else { return self.askLater() }
            self.reply(verdict)
        }
    }

    /// There is no leader at present, or it is another one by now.
    private func askLater() {
        let tick = TimeAmount.milliseconds(Int64(loop.member.configuration.tickMilliseconds))
        loop.eventLoop.assumeIsolated().scheduleTask(in: tick) { self.run() }
    }

    /// What an answer means; nil when it says nothing about the promotion.
    private static func verdict(_ answer: HTTPAnswer) -> Result<[MemberInfo], EtcdError>? {
        let text = String(decoding: answer.body, as: UTF8.self)
        switch answer.status {
        case .ok: return (try? MemberInfo.list(json: answer.body)).map { .success($0) }
        case .notFound: return .failure(.memberNotFound)
        case .requestTimeout: return .failure(.timeout)
        case .preconditionFailed where text.contains(EtcdError.learnerNotReady.message):
            return .failure(.learnerNotReady)
        case .preconditionFailed where text.contains("can only promote a learner member"):
            return .failure(.memberNotLearner)
        case .serviceUnavailable where text.contains(EtcdError.memberNotEnoughStarted.message):
            return .failure(.memberNotEnoughStarted)
        case .serviceUnavailable where text.contains(EtcdError.unhealthy.message):
            return .failure(.unhealthy)
        default: return nil
        }
    }
}
