import EtcdProto
import Keyspace
import Logging
import Member
import NIOCore
import NIOHTTP1
import Raft

/// What members ask each other on the peer port besides Raft, and what takes a while to answer:
/// checksums, promotions of learners at the leader, whether a downgrade is under way.
final class PeerQuestions {
    private let loop: MemberLoop

    init(loop: MemberLoop) {
        self.loop = loop
    }

    typealias Reply = (HTTPAnswer) -> Void

    static let hashPath = "/members/hashkv"
    static let promotePrefix = "/members/promote/"
    static let downgradePath = "/downgrade/enabled"

    static func serves(_ path: Substring) -> Bool {
        path == hashPath || path == downgradePath || path.hasPrefix(promotePrefix)
    }

    private var identity: PeerIdentity { loop.transport.identity }
    private var clusterHeader: HTTPHeaders {
        ["X-Etcd-Cluster-ID": identity.clusterID.description]
    }

    func answer(
        _ head: HTTPRequestHead,
        _ path: Substring,
        _ body: ByteBuffer,
        _ reply: @escaping Reply
    ) {
        let method = path.hasPrefix(Self.promotePrefix) ? HTTPMethod.POST : .GET
        guard head.method == method else { return reply(.methodNotAllowed(method.rawValue)) }
        if path == Self.hashPath {
            hash(head, Array(body.readableBytesView), reply)
        } else if path == Self.downgradePath {
            downgrade(reply)
        } else {
            promote(path.dropFirst(Self.promotePrefix.count), reply)
        }
        loop.noteRequest()
    }

    private func hash(_ head: HTTPRequestHead, _ body: [UInt8], _ reply: @escaping Reply) {
        if let id = head.headers.first(name: "X-Etcd-Cluster-ID"),
            id != identity.clusterID.description
        {
            return reply(
                .error(.preconditionFailed, PeerIdentity.clusterMismatch, clusterHeader)
            )
        }
        let revision: Int64
        do {
            revision = try PeerHash.revision(inQuestion: body)
        } catch {
            return reply(.error(.badRequest, "error unmarshalling request"))
        }
        loop.hashKV(at: revision) { result in
            switch result {
            case .success(let hash):
                let member = self.loop.member
                let answer = PeerHash(
                    hash,
                    clusterID: member.clusterID,
                    memberID: member.memberID,
                    revision: member.keyspace.revision,
                    term: member.term.rawValue
                )
                let text = String(decoding: answer.json, as: UTF8.self)
                reply(.json(text, self.clusterHeader))
            case .failure(let error):
                self.loop.logger.warning(
                    "a checksum for a peer was not made",
                    metadata: ["revision": "\(revision)", "why": "\(error)"]
                )
                reply(.error(.badRequest, error.messageWithoutPrefix))
            }
        }
    }

    private func downgrade(_ reply: @escaping Reply) {
        loop.member.read { error in
            if let error {
                return reply(
                    .error(
                        .internalServerError,
                        "failed linearized read: \(error.message)",
                        self.clusterHeader
                    )
                )
            }
            var headers = self.clusterHeader
            headers.add(name: "Content-Type", value: "text/plain")
            let text = self.loop.member.membership.isDowngrading ? "true" : "false"
            reply(HTTPAnswer(.ok, headers, body: Array(text.utf8)))
        }
    }

    /// etcd's status codes and texts, which say to the asking member which error it was.
    private func promote(_ text: Substring, _ reply: @escaping Reply) {
        guard let number = UInt64(text) else {
            return reply(
                .error(.notFound, "member \(text) not found in cluster", clusterHeader)
            )
        }
        loop.member.promoteMember(MemberID(rawValue: number)) { result in
            switch result {
            case .success(let members):
                let list = String(decoding: MemberInfo.json(list: members), as: UTF8.self)
                reply(.json(list + "\n", self.clusterHeader))
            case .failure(.memberNotFound):
                reply(.error(.notFound, "membership: ID not found", self.clusterHeader))
            case .failure(.memberNotLearner):
                let text = "membership: can only promote a learner member"
                reply(.error(.preconditionFailed, text, self.clusterHeader))
            case .failure(.learnerNotReady):
                let text = EtcdError.learnerNotReady.message
                reply(.error(.preconditionFailed, text, self.clusterHeader))
            case .failure(let error):
                reply(Self.failure(error, self.clusterHeader))
            }
        }
    }

    /// As etcd writes errors that it does not tell apart: as JSON of its v2 API.
    private static func failure(_ error: EtcdError, _ headers: HTTPHeaders) -> HTTPAnswer {
        let isTimeout = [
            EtcdError.timeout, .timeoutDueToLeaderFail, .timeoutDueToConnectionLost,
        ].contains(error)
        let isRefusal = [EtcdError.memberNotEnoughStarted, .unhealthy].contains(error)
        let status: HTTPResponseStatus =
            isTimeout ? .requestTimeout : isRefusal ? .serviceUnavailable : .internalServerError
        var headers = headers
        headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        let text = isTimeout || isRefusal ? error.message : "Internal Server Error"
        let json = "{\"message\":" + JSONText.string(text) + "}"
        return HTTPAnswer(status, headers, body: Array(json.utf8))
    }
}

extension EtcdError {
    /// Below the client API etcd's errors begin with their package.
    fileprivate var messageWithoutPrefix: String {
        let prefix = "etcdserver: "
        return message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : message
    }
}
