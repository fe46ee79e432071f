import EtcdProto
import GRPC
import Keyspace
import Member
import NIOCore
import Raft
import SwiftProtobuf

/// The way in and out of every unary call: decoding, what is checked before any service sees the
/// call, errors as gRPC statuses, headers, encoding.
final class ServiceCalls {
    let loop: MemberLoop
    let leaderLoss: LeaderLoss

    /// A call's answer, to be given once.
    typealias Reply<Response> = (Result<Response, EtcdError>) -> Void

    init(loop: MemberLoop) {
        self.loop = loop
        leaderLoss = LeaderLoss(loop)
    }

    var member: Member { loop.member }

    /// A method. Learners refuse it unless it is one of the few that they serve.
    func unary<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        servedByLearners isServed: @escaping (Request) -> Bool = { _ in false },
        _ body: @escaping (Request, @escaping Reply<Response>) -> Void
    ) -> GRPCMethod {
        .unary { call in
            let request: Request
            do {
                request = try Request(
                    serializedBytes: Array(buffer: call.request),
                    options: .clientRequest
                )
            } catch {
                // The words of grpc-go, of which clients see the beginning.
                let text = "grpc: error unmarshalling request: \(error)"
                return call.fail(GRPCStatus(.internalError, text))
            }
            if self.member.isLearner && !isServed(request) {
                return call.fail(Self.status(.notSupportedForLearner))
            }
            if call.metadata["hasleader"] == "true" && self.member.leader == .none {
                return call.fail(Self.status(.noLeader))
            }
            body(request) { result in Self.finish(call, result) }
            self.loop.noteRequest()
        }
    }

    /// Replicates a command; `answer` picks the response of its kind.
    func propose<Response>(
        _ command: InternalRaftRequest,
        _ reply: @escaping Reply<Response>,
        _ answer: @escaping (ApplyResponse) -> Response?
    ) {
        member.propose(command) { result in
            switch result {
            case .success(let applied):
                guard let response = answer(applied) else {
                    fatalError("a command was answered with the response of another kind")
                }
                reply(.success(response))
            case .failure(let error): reply(.failure(error))
            }
        }
    }

    private static func finish(
        _ call: UnaryCall,
        _ result: Result<some SwiftProtobuf.Message, EtcdError>
    ) {
        switch result {
        case .success(let response):
            do {
                let bytes: [UInt8] = try response.serializedBytes()
                call.respond(ByteBuffer(bytes: bytes))
            } catch {
                call.fail(GRPCStatus(.internalError, "grpc: error marshalling response: \(error)"))
            }
        case .failure(let error): call.fail(status(error))
        }
    }

    static func status(_ error: EtcdError) -> GRPCStatus {
        GRPCStatus(code: GRPCCode(rawValue: error.code) ?? .unknown, message: error.message)
    }

    // MARK: Headers

    /// Without a revision, as the Cluster service answers.
    var bareHeader: ResponseHeader {
        var header = ResponseHeader()
        header.clusterID = member.configuration.clusterID.rawValue
        header.memberID = member.configuration.memberID.rawValue
        header.raftTerm = member.term.rawValue
        return header
    }

    /// With the revision that an operation saw, or the present one.
    func header(revision: Int64 = 0) -> ResponseHeader {
        var header = bareHeader
        header.revision = revision == 0 ? member.keyspace.revision : revision
        return header
    }
}
