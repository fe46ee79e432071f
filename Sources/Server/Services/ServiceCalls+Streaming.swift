import EtcdProto
import GRPC
import Keyspace
import Member
import NIOCore
import Raft

extension ServiceCalls {
    /// A method with messages both ways. Learners refuse it, and so do members without a leader
    /// to clients that want one; they end its open streams if they have none for long.
    func streaming(_ body: @escaping (ServerStream) -> Void) -> GRPCMethod {
        .streaming { stream in
            if self.member.isLearner {
                return stream.finish(Self.status(.notSupportedForLearner))
            }
            guard stream.metadata["hasleader"] == "true" else { return body(stream) }
            if self.member.leader == .none { return stream.finish(Self.status(.noLeader)) }
            body(stream)
            self.leaderLoss.watch(stream)
        }
    }
}

/// Streams that end when the member has been without a leader for three election timeouts: their
/// clients would wait in vain, while other members may have one.
final class LeaderLoss {
    private let loop: MemberLoop
    private var streams: [ObjectIdentifier: ServerStream] = [:]
    private var checksWithoutLeader = 0
    private var timer: Scheduled<Void>?

    private static let patience = 3

    init(_ loop: MemberLoop) {
        self.loop = loop
    }

    func watch(_ stream: ServerStream) {
        streams[ObjectIdentifier(stream)] = stream
        if timer == nil {
            checksWithoutLeader = 0
            schedule()
        }
    }

    private func schedule() {
        let configuration = loop.member.configuration
        let timeout = Int64(configuration.electionTicks * configuration.tickMilliseconds)
        timer = loop.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(timeout)) {
            self.check()
        }
    }

    private func check() {
        streams = streams.filter { !$0.value.isOver }
        checksWithoutLeader = loop.member.leader == .none ? checksWithoutLeader + 1 : 0
        if checksWithoutLeader >= Self.patience {
            let ending = streams.values
            streams = [:]
            for stream in ending { stream.abort(ServiceCalls.status(.noLeader)) }
        }
        timer = nil
        if !streams.isEmpty { schedule() }
    }
}
