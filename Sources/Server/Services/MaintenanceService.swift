import EtcdProto
import GRPC
import Keyspace
import Member
import Raft

/// `etcdserverpb.Maintenance`: how this one member does.
final class MaintenanceService {
    let calls: ServiceCalls
    private let announced: AnnouncedVersion

    init(_ calls: ServiceCalls, announced: AnnouncedVersion) {
        self.calls = calls
        self.announced = announced
    }

    var member: Member { calls.member }

    func method(_ name: Substring) -> GRPCMethod? {
        switch name {
        case "Status": calls.unary(servedByLearners: { _ in true }, status)
        case "Alarm": calls.unary(alarm)
        case "Hash": calls.unary(hash)
        case "HashKV": calls.unary(hashKV)
        case "Defragment": calls.unary(defragment)
        case "Snapshot": .streaming(snapshot)
        case "MoveLeader": calls.unary(moveLeader)
        case "Downgrade": calls.unary(downgrade)
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
        status.errors = member.errors + self.member.keyspace.alarms.map(Alarms.text)
        if announced.client.minor >= 6 {
            status.storageVersion = member.storageVersion?.description ?? ""
            status.dbSizeQuota = member.quotaBytes ?? 0
            if let downgrade = self.member.membership.downgrade {
                status.downgradeInfo.enabled = downgrade.isEnabled
                status.downgradeInfo.targetVersion = downgrade.target
            }
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

    /// Alarms go through the log, asking for them too.
    private func alarm(
        _ request: AlarmRequest,
        _ reply: @escaping ServiceCalls.Reply<AlarmResponse>
    ) {
        var command = InternalRaftRequest()
        command.alarm = request
        calls.propose(command, reply) { response in
            guard case .alarm(var alarm) = response else { return nil }
            alarm.header = self.calls.header()
            return alarm
        }
    }

    // MARK: The whole store

    private func hash(
        _ request: HashRequest,
        _ reply: @escaping ServiceCalls.Reply<HashResponse>
    ) {
        calls.loop.hashStore { result in
            reply(
                result.map { hash in
                    var response = HashResponse()
                    response.header = self.calls.header(revision: hash.revision)
                    response.hash = hash.hash
                    return response
                }
            )
        }
    }

    private func hashKV(
        _ request: HashKVRequest,
        _ reply: @escaping ServiceCalls.Reply<HashKVResponse>
    ) {
        calls.loop.hashKV(at: request.revision) { result in
            reply(
                result.map { hash in
                    var response = HashKVResponse()
                    response.header = self.calls.header()
                    response.hash = hash.hash
                    response.compactRevision = hash.compactRevision
                    if self.announced.client.minor >= 6 {
                        response.hashRevision = hash.hashedRevision
                    }
                    return response
                }
            )
        }
    }

    private func defragment(
        _ request: DefragmentRequest,
        _ reply: @escaping ServiceCalls.Reply<DefragmentResponse>
    ) {
        calls.loop.defragment { result in reply(result.map { DefragmentResponse() }) }
    }

    /// Learners give snapshots, too.
    private func snapshot(_ stream: ServerStream) {
        if stream.metadata["hasleader"] == "true" && member.leader == .none {
            return stream.finish(ServiceCalls.status(.noLeader))
        }
        stream.onMessage = { _ in
            stream.onMessage = nil
            stream.onEnd = nil
            SnapshotSending(stream, self.calls.loop).start()
        }
        stream.onEnd = {
            let text = "grpc: the request ended before its message"
            stream.finish(GRPCStatus(.internalError, text))
        }
    }
}

extension EtcdError {
    fileprivate static let leaderTransferTimeout = EtcdError(
        code: GRPCCode.unavailable.rawValue,
        message: "etcdserver: request timed out, leader transfer took too long"
    )
}
