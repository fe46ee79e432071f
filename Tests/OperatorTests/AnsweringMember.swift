import EtcdProto
import GRPC
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization

/// A server that answers what the operator asks members, as the test says.
final class AnsweringMember: Sendable {
    struct Answers: Sendable {
        var status = StatusResponse()
        var range = RangeResponse()
        var members = MemberListResponse()
        var alarms = AlarmResponse()
        /// How methods fail instead, by the last part of their path.
        var failures: [String: GRPCStatus] = [:]

        /// A member of id 7 in cluster 9 that leads alone.
        init() {
            let header = ResponseHeader.with {
                ($0.clusterID, $0.memberID, $0.revision) = (9, 7, 5)
            }
            (status.header, range.header, members.header) = (header, header, header)
            status.leader = 7
            members.members = [.with { ($0.id, $0.name) = (7, "orders-0") }]
        }
    }

    private struct Router: GRPCRouter {
        let answers: Answers

        func method(_ path: String) -> GRPCMethod? {
            let method = path.split(separator: "/").last.map(String.init) ?? ""
            return .unary { call in
                if let failure = answers.failures[method] { return call.fail(failure) }
                let answer: any Message =
                    switch method {
                    case "Status": answers.status
                    case "Range": answers.range
                    case "MemberList": answers.members
                    default: answers.alarms
                    }
                let bytes: [UInt8]? = try? answer.serializedBytes()
                call.respond(ByteBuffer(bytes: bytes ?? []))
            }
        }
    }

    let url: String
    private let listener: any Channel

    private init(_ listener: any Channel) {
        self.listener = listener
        url = "http://127.0.0.1:\(listener.localAddress?.port ?? 0)"
    }

    /// Runs `body` with a server that gives these answers.
    static func with(
        _ change: (inout Answers) -> Void = { _ in },
        _ body: (AnsweringMember) async throws -> Void
    ) async throws {
        var answers = Answers()
        change(&answers)
        let router = Router(answers: answers)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = GRPCServerHandler(configuration: .init(router: router))
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let member = AnsweringMember(listener)
        do {
            try await body(member)
        } catch {
            try await listener.close().get()
            throw error
        }
        try await listener.close().get()
    }
}
