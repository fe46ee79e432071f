import EtcdProto
import Keyspace
import Member
import NIOCore
import NIOHTTP1
import SwiftProtobuf

/// `/leases` and `/leases/internal` of the peer port: what other members ask the leader for their
/// clients. Paths, statuses, texts and bodies are etcd's.
final class LeaseEndpoints {
    static let renewal = "/leases"
    static let inquiry = "/leases/internal"

    private let loop: MemberLoop

    init(loop: MemberLoop) {
        self.loop = loop
    }

    static func serves(_ path: some StringProtocol) -> Bool {
        path == renewal || path == inquiry
    }

    func answer(
        _ head: HTTPRequestHead,
        _ path: some StringProtocol,
        _ body: ByteBuffer,
        _ reply: @escaping (HTTPAnswer) -> Void
    ) {
        guard head.method == .POST else {
            return reply(.error(.methodNotAllowed, "Method Not Allowed"))
        }
        let bytes = Array(body.readableBytesView)
        if path == Self.renewal { renew(bytes, reply) } else { inform(bytes, reply) }
        loop.noteRequest()
    }

    private func renew(_ body: [UInt8], _ reply: @escaping (HTTPAnswer) -> Void) {
        guard let request = try? LeaseKeepAliveRequest(serializedBytes: body) else {
            return reply(Self.malformed)
        }
        loop.noticeLateness()
        loop.member.renewLease(LeaseID(request.id)) { renewal in
            switch renewal {
            case .renewed(let ttl):
                var response = LeaseKeepAliveResponse()
                response.id = request.id
                response.ttl = ttl
                reply(Self.encoded(response))
            case .notFound: reply(Self.notFound)
            case .notPrimary: reply(.error(.badRequest, "not a primary lessor"))
            case .failed(let error): reply(Self.failure(error, .badRequest))
            }
        }
    }

    private func inform(_ body: [UInt8], _ reply: @escaping (HTTPAnswer) -> Void) {
        guard let request = try? LeasepbLeaseInternalRequest(serializedBytes: body),
            request.hasLeaseTimeToLiveRequest
        else { return reply(Self.malformed) }
        let question = request.leaseTimeToLiveRequest
        loop.noticeLateness()
        loop.member.leaseInfo(LeaseID(question.id), keys: question.keys) { result in
            switch result {
            case .success(let info?):
                var response = LeasepbLeaseInternalResponse()
                response.leaseTimeToLiveResponse = LeaseTimeToLiveResponse(question.id, info)
                response.leaseTimeToLiveResponse.header = ResponseHeader()
                reply(Self.encoded(response))
            case .success(nil): reply(Self.notFound)
            case .failure(.leaderChanged):
                reply(.error(.internalServerError, "not a primary lessor"))
            case .failure(let error): reply(Self.failure(error, .internalServerError))
            }
        }
    }

    private static let malformed = HTTPAnswer.error(.badRequest, "error unmarshalling request")
    private static let notFound = HTTPAnswer.error(.notFound, "lease not found")

    private static func failure(_ error: EtcdError, _ status: HTTPResponseStatus) -> HTTPAnswer {
        guard error == .timeoutWaitAppliedIndex else { return .error(status, error.message) }
        let text = "waiting for node to catch up its applied index has timed out"
        return .error(.requestTimeout, text)
    }

    private static func encoded(_ message: some SwiftProtobuf.Message) -> HTTPAnswer {
        do {
            let body: [UInt8] = try message.serializedBytes()
            return HTTPAnswer(.ok, ["Content-Type": "application/protobuf"], body: body)
        } catch {
            return .error(.internalServerError, "\(error)")
        }
    }
}
