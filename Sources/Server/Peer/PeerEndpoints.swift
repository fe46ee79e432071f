import EtcdProto
import Logging
import Member
import NIOCore
import NIOHTTP1
import Raft
import Storage

/// What a member answers on its peer port.
final class PeerEndpoints {
    private let loop: MemberLoop
    private let announced: AnnouncedVersion
    private let questions: PeerQuestions
    private let leases: LeaseEndpoints

    init(loop: MemberLoop, announced: AnnouncedVersion) {
        self.loop = loop
        leases = LeaseEndpoints(loop: loop)
        self.announced = announced
        questions = PeerQuestions(loop: loop)
    }

    /// A message by post: what a stream carries is bounded by the sender, but here anybody sends.
    private static let messageBytes = 64 << 20
    private static let smallBodyBytes = 64 << 10

    private var identity: PeerIdentity { loop.transport.identity }
    private var membership: Membership { loop.member.membership }

    /// The handler of one connection to the peer port.
    func exchange() -> HTTPExchange {
        var stream: (writer: StreamWriter, peer: MemberID)?
        return HTTPExchange(
            onHead: { head, channel in
                if head.uri.hasPrefix("/raft/stream/") {
                    stream = self.openStream(head, channel)
                    return .takenOver
                }
                if head.uri.hasPrefix("/raft/snapshot") {
                    return self.takeSnapshot(head)
                }
                guard Self.path(of: head) == "/raft" else {
                    return .readBody(limit: Self.smallBodyBytes)
                }
                return self.objection(to: head).map { .answer($0) }
                    ?? .readBody(limit: Self.messageBytes)
            },
            onRequest: { head, body, reply in
                let path = Self.path(of: head)
                if PeerQuestions.serves(path) {
                    return self.questions.answer(head, path, body, reply)
                }
                if LeaseEndpoints.serves(path) {
                    return self.leases.answer(head, path, body, reply)
                }
                reply(self.answer(head, body))
            },
            onClosed: { _ in
                if let stream { self.loop.transport.link(to: stream.peer)?.detach(stream.writer) }
            }
        )
    }

    // MARK: Streams

    private func openStream(
        _ head: HTTPRequestHead,
        _ channel: any Channel
    ) -> (StreamWriter, MemberID)? {
        let verdict = StreamHandshake.judge(
            head,
            identity: identity,
            isRemoved: membership.isRemoved,
            isMember: { self.loop.transport.link(to: $0) != nil }
        )
        switch verdict {
        case .open(let kind, let peer):
            let response = HTTPResponseHead(
                version: .http1_1,
                status: .ok,
                headers: identity.answerHeaders
            )
            channel.writeAndFlush(HTTPServerResponsePart.head(response), promise: nil)
            let writer = StreamWriter(kind, channel: channel)
            loop.transport.link(to: peer)?.attach(writer)
            return (writer, peer)
        case .refuse(let status, let body):
            refuse(channel, HTTPResponseStatus(statusCode: status), body)
        case .stranger(let peer, let urls):
            if !urls.isEmpty { loop.transport.addRemote(peer, urls: urls) }
            refuse(channel, .notFound, "error sender not found")
        }
        return nil
    }

    private func refuse(_ channel: any Channel, _ status: HTTPResponseStatus, _ body: String) {
        let answer = HTTPAnswer.error(status, body, identity.answerHeaders)
        var head = HTTPResponseHead(version: .http1_1, status: status, headers: answer.headers)
        head.headers.add(name: "Content-Length", value: "\(answer.body.count)")
        head.headers.add(name: "Connection", value: "close")
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        let bytes = IOData.byteBuffer(ByteBuffer(bytes: answer.body))
        channel.write(HTTPServerResponsePart.body(bytes), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).assumeIsolated().whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    // MARK: Single requests

    private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer) -> HTTPAnswer {
        let path = Self.path(of: head)
        if path == "/raft" { return receive(head, body) }
        guard head.method == .GET else { return .methodNotAllowed("GET") }
        switch path {
        case "/raft/probing", "/raft/probing/":
            let now = WallClock.text(milliseconds: WallClock.milliseconds())
            return .json("{\"OK\":true,\"Now\":\"\(now)\"}\n")
        case "/members":
            let list = String(decoding: MemberInfo.json(list: membership.members), as: UTF8.self)
            return .json(list + "\n", ["X-Etcd-Cluster-ID": identity.clusterID.description])
        case "/version":
            // Which version it is to peers may be another one than to clients.
            let headers: HTTPHeaders = ["X-Server-Version": announced.peer.description]
            return .json(VersionDocument.text(announced, loop.member), headers)
        default:
            return .notFound
        }
    }

    private static func path(of head: HTTPRequestHead) -> Substring {
        head.uri.prefix { $0 != "?" }
    }

    /// Why a message is not even read; nil when it is.
    private func objection(to head: HTTPRequestHead) -> HTTPAnswer? {
        guard head.method == .POST else { return .methodNotAllowed("POST") }
        return identity.incompatibility(of: head.headers).map { problem in
            .error(.preconditionFailed, problem, identity.answerHeaders)
        }
    }

    /// One message by `POST /raft`; 204 once Raft has it.
    private func receive(_ head: HTTPRequestHead, _ body: ByteBuffer) -> HTTPAnswer {
        let headers = identity.answerHeaders
        let sender = head.headers.first(name: "X-Server-From").flatMap { MemberID(hex: $0) }
        let urls = StreamHandshake.urls(of: head.headers)
        if let sender, !urls.isEmpty, !membership.isRemoved(sender) {
            loop.transport.addRemote(sender, urls: urls)
        }
        do throws(WireError) {
            let message = try Message(decoding: Array(body.readableBytesView)[...])
            if membership.isRemoved(MemberID(rawValue: message.from.rawValue)) {
                let text = "cannot process message from removed member"
                var headers = headers
                headers.add(name: "Content-Type", value: "application/json")
                let json = "{\"message\":\"\(text)\"}"
                return HTTPAnswer(.forbidden, headers, body: Array(json.utf8))
            }
            guard MessageFilter.accepts(message, local: identity.memberID) else {
                return .error(.badRequest, "message makes no sense here", headers)
            }
            loop.receive(message)
            return HTTPAnswer(.noContent, headers)
        } catch {
            return .error(.badRequest, "error unmarshalling raft message", headers)
        }
    }

    /// One snapshot at a time: each is as large as the keyspace.
    private func takeSnapshot(_ head: HTTPRequestHead) -> HTTPExchange.Reception {
        if let objection = objection(to: head) { return .answer(objection) }
        let headers = identity.answerHeaders
        let sender = head.headers.first(name: "X-Server-From").flatMap { MemberID(hex: $0) }
        if let sender, membership.isRemoved(sender) {
            return .answer(
                .error(.forbidden, "cannot process message from removed member", headers)
            )
        }
        let urls = StreamHandshake.urls(of: head.headers)
        if let sender, !urls.isEmpty { loop.transport.addRemote(sender, urls: urls) }
        do throws(DiskError) {
            guard let receiver = try loop.receiveSnapshot() else {
                let text = "another snapshot is being received"
                return .answer(.error(.internalServerError, text, headers))
            }
            return .stream(to: receiver)
        } catch {
            return .answer(.error(.internalServerError, "\(error)", headers))
        }
    }
}
