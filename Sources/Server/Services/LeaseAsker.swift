import EtcdProto
import Keyspace
import Member
import NIOCore
import NIOHTTP1

/// Puts questions about leases to whoever leads, here or elsewhere, until there is an answer or no
/// time left. They do not go through the log, so Raft does not find the leader for them.
final class LeaseAsker {
    private let loop: MemberLoop

    /// The keys of a lease may be many.
    private static let maxAnswerBytes = 64 << 20

    /// Before the next try after one that gave nothing.
    private static let pause = TimeAmount.milliseconds(50)

    init(loop: MemberLoop) {
        self.loop = loop
    }

    /// Calls back with nil when there is no such lease; not at all when nobody wants to know any
    /// more.
    func ask<Answer>(
        _ question: LeaseQuestion<Answer>,
        isWanted: @escaping () -> Bool,
        _ reply: @escaping (Result<Answer?, EtcdError>) -> Void
    ) {
        let configuration = loop.member.configuration
        let milliseconds = configuration.requestTimeoutTicks * configuration.tickMilliseconds
        let inquiry = Inquiry(
            question: question,
            deadline: .now() + .milliseconds(Int64(milliseconds)),
            isWanted: isWanted,
            reply: reply
        )
        attempt(inquiry)
    }

    private struct Inquiry<Answer> {
        let question: LeaseQuestion<Answer>
        let deadline: NIODeadline
        let isWanted: () -> Bool
        let reply: (Result<Answer?, EtcdError>) -> Void
    }

    private func attempt<Answer>(_ inquiry: Inquiry<Answer>) {
        guard inquiry.isWanted() else { return }
        let left = inquiry.deadline - .now()
        guard left > .zero, !loop.isStopped else { return inquiry.reply(.failure(.timeout)) }
        let member = loop.member
        if member.leader == .none {
            loop.awaitLeader(nil, within: left) { isKnown in
                guard isKnown else { return inquiry.reply(.failure(.noLeader)) }
                self.attempt(inquiry)
            }
        } else if member.leader == member.memberID {
            loop.noticeLateness()
            inquiry.question.askHere(member) { self.finish(inquiry, $0) }
            loop.noteRequest()
        } else {
            askLeader(inquiry, within: left)
        }
    }

    private func askLeader<Answer>(_ inquiry: Inquiry<Answer>, within time: TimeAmount) {
        guard let link = loop.transport.link(to: loop.member.leader),
            let place = link.addresses.current, let body = try? inquiry.question.body()
        else { return finish(inquiry, .unclear) }
        let request = PeerRequest(
            path: inquiry.question.path,
            method: .POST,
            headers: ["Content-Type": "application/protobuf"],
            body: body,
            timeout: time,
            keepsConnection: true,
            maxAnswerBytes: Self.maxAnswerBytes
        )
        loop.transport.client.ask(request, at: place) { result in
            switch result {
            case .success(let answer) where answer.status == .ok:
                let decoded = inquiry.question.decode(answer.body)
                self.finish(inquiry, decoded.map { .found($0) } ?? .unclear)
            case .success(let answer) where answer.status == .notFound:
                self.finish(inquiry, .notFound)
            case .success: self.finish(inquiry, .unclear)
            case .failure:
                link.addresses.failed(place)
                self.finish(inquiry, .unclear)
            }
        }
    }

    private func finish<Answer>(
        _ inquiry: Inquiry<Answer>,
        _ outcome: LeaseQuestion<Answer>.Outcome
    ) {
        switch outcome {
        case .found(let answer): inquiry.reply(.success(answer))
        case .notFound: inquiry.reply(.success(nil))
        case .failed(let error): inquiry.reply(.failure(error))
        case .unclear:
            loop.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.attempt(inquiry) }
        }
    }
}
