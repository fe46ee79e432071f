import EtcdProto
import GRPC
import Keyspace
import Member
import Raft

/// `etcdserverpb.Maintenance`: how this one member does.
final class MaintenanceService {
    private let calls: ServiceCalls
    private let announced: AnnouncedVersion

    init(_ calls: ServiceCalls, announced: AnnouncedVersion) {
        self.calls = calls
        self.announced = announced
    }

    private var member: Member { calls.member }

    func method(_ name: Substring) -> GRPCMethod? {
        switch name {
        case "Status": calls.unary(servedByLearners: { _ in true }, status)
        case "Alarm": calls.unary(alarm)
        case "HashKV": calls.unary(hashKV)
        case "MoveLeader": calls.unary(moveLeader)
        case "Hash", "Defragment", "Snapshot", "Downgrade":
            ServiceCalls.unimplemented("etcdserverpb.Maintenance/\(name)")
        default: nil
        }
    }

    private func status(
        _ request: StatusRequest,
        _ reply: @escaping ServiceCalls.Reply<StatusResponse>
    ) {
        let member = member.status
        var status = StatusResponse()
        status.header = calls.header()
        status.version = announced.client.description
        status.dbSize = member.backendBytes
        status.dbSizeInUse = member.backendBytesInUse
        status.leader = member.leader.rawValue
        status.raftIndex = member.committedIndex.rawValue
        status.raftTerm = member.term.rawValue
        status.raftAppliedIndex = member.appliedIndex.rawValue
        status.isLearner = member.isLearner
        status.errors = member.errors + Alarms.active(self.member.keyspace).map(Alarms.text)
        if announced.client.minor >= 6 {
            status.storageVersion = "3.6.0"
            status.dbSizeQuota = member.quotaBytes ?? 0
            status.downgradeInfo = DowngradeInfo()
        }
        reply(.success(status))
    }

    private func moveLeader(
        _ request: MoveLeaderRequest,
        _ reply: @escaping ServiceCalls.Reply<MoveLeaderResponse>
    ) {
        let target = MemberID(rawValue: request.targetID)
        guard member.isLeader else { return reply(.failure(.notLeader)) }
        guard member.membership.voters.contains(where: { $0.id == target }) else {
            return reply(.failure(.badLeaderTransferee))
        }
        member.transferLeadership(to: target)
        calls.loop.awaitLeader(target) { isLeader in
            reply(isLeader ? .success(MoveLeaderResponse()) : .failure(.leaderTransferTimeout))
        }
    }

    /// Raising and clearing alarms needs a command that the keyspace does not know yet.
    private func alarm(
        _ request: AlarmRequest,
        _ reply: @escaping ServiceCalls.Reply<AlarmResponse>
    ) {
        guard request.action == .get else {
            return reply(.failure(.unsupported("raising or clearing alarms")))
        }
        member.read { error in
            if let error { return reply(.failure(error)) }
            var response = AlarmResponse()
            response.header = self.calls.header()
            response.alarms = Alarms.active(self.member.keyspace).filter {
                (request.memberID == 0 || $0.memberID == request.memberID)
                    && (request.alarm == .none || $0.alarm == request.alarm)
            }
            reply(.success(response))
        }
    }

    private func hashKV(
        _ request: HashKVRequest,
        _ reply: @escaping ServiceCalls.Reply<HashKVResponse>
    ) {
        do throws(EtcdError) {
            let hash = try member.keyspace.hashKV(at: request.revision)
            var response = HashKVResponse()
            response.header = calls.header()
            response.hash = hash.hash
            response.compactRevision = hash.compactRevision
            if announced.client.minor >= 6 {
                response.hashRevision = hash.hashedRevision
            }
            reply(.success(response))
        } catch {
            reply(.failure(error))
        }
    }
}

extension EtcdError {
    fileprivate static let leaderTransferTimeout = EtcdError(
        code: GRPCCode.unavailable.rawValue,
        message: "etcdserver: request timed out, leader transfer took too long"
    )
}
