import EtcdClient
import EtcdProto
import NIOCore
import Planning

/// Asks one member how it is, through nothing but etcd's API.
struct MemberProbe {
    let client: EtcdClient
    var timeout = TimeAmount.seconds(2)
    /// Whether the way to the member's port is open, asked when it answers nothing.
    let isWithinReach: @Sendable () async -> Bool

    /// All that one look at a member gives.
    func look() async -> MemberLook {
        let probe = await probe()
        guard probe.isServing, !probe.isLearner else { return MemberLook(probe: probe) }
        let alarms = probe.verdict == .servingWithAlarm ? await alarms() : []
        return MemberLook(probe: probe, list: await memberList(of: probe), alarms: alarms)
    }

    /// Status first, which needs no quorum; then a linearizable read, which is what clients need.
    private func probe() async -> Probe {
        let answer: StatusResponse
        do throws(EtcdClientError) {
            answer = try await client.status(timeout: timeout)
        } catch {
            var probe = Probe(
                MemberProbe.verdict(error, answered: false),
                message: "\(error.status)"
            )
            if probe.verdict == .unreachable { probe.isWithinReach = await isWithinReach() }
            return probe
        }
        var probe = Probe(.serving)
        probe.clusterID = "\(ClusterID(rawValue: answer.header.clusterID))"
        probe.memberID = "\(MemberID(rawValue: answer.header.memberID))"
        probe.leaderID = "\(MemberID(rawValue: answer.leader))"
        probe.revision = answer.header.revision
        probe.dbSize = answer.dbSize
        probe.dbSizeInUse = answer.dbSizeInUse
        probe.version = answer.version
        probe.isLearner = answer.isLearner
        probe.term = answer.raftTerm
        probe.appliedIndex = answer.raftAppliedIndex
        if answer.leader == 0 {
            probe.verdict = .noLeader
            probe.message = "it knows no leader"
            return probe
        }
        if !answer.errors.isEmpty {
            probe.verdict = .servingWithAlarm
            probe.message = answer.errors.joined(separator: "; ")
        }
        // A learner answers no linearizable read, and need not.
        if answer.isLearner { return probe }
        do throws(EtcdClientError) {
            let reader = try await client.health(timeout: timeout)
            if let reader, reader.rawValue != answer.header.memberID {
                probe.verdict = .unknown
                probe.message = "two members answer at its address"
            }
        } catch {
            // The alarm CORRUPT forbids reads; whoever says so takes part in the quorum that did.
            if probe.verdict == .servingWithAlarm, "\(error.status)".contains("corrupt") {
                return probe
            }
            probe.verdict = MemberProbe.verdict(error, answered: true)
            probe.message = "\(error.status)"
        }
        return probe
    }

    /// The members as a quorum knows them; nil when this member could not ask one. Before 3.5 it
    /// is what the member itself knows, which after the linearizable read of `probe` is as good, if
    /// it is the same member that answers (safety rule 20).
    private func memberList(of probe: Probe) async -> MemberList? {
        do throws(EtcdClientError) {
            let answer = try await client.memberList(linearizable: true, timeout: timeout)
            let id = "\(MemberID(rawValue: answer.header.memberID))"
            return id == probe.memberID ? MemberList(answer) : nil
        } catch {
            return nil
        }
    }

    /// The alarms of the whole cluster; none when they cannot be had.
    private func alarms() async -> [Alarm] {
        var request = AlarmRequest()
        request.action = .get
        do throws(EtcdClientError) {
            return try await client.alarm(request, timeout: timeout).alarms.compactMap { alarm in
                let id = "\(MemberID(rawValue: alarm.memberID))"
                return switch alarm.alarm {
                case .nospace: Alarm(.noSpace, memberID: id)
                case .corrupt: Alarm(.corrupt, memberID: id)
                case .none, .UNRECOGNIZED: nil
                }
            }
        } catch {
            return []
        }
    }

    /// etcd's texts are part of its API, and name the cause more exactly than the code.
    private static func verdict(_ error: EtcdClientError, answered: Bool) -> Probe.Verdict {
        let text = "\(error.status)"
        let refusals = ["Unauthenticated", "PermissionDenied", "auth: ", "user name is empty"]
        if refusals.contains(where: text.contains) { return .refusedMe }
        let leaderless = ["no leader", "leader changed", "request timed out"]
        if answered || leaderless.contains(where: text.contains) { return .noLeader }
        return .unreachable
    }
}
