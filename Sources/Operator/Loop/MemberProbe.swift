import EtcdClient
import EtcdProto
import NIOCore
import Planning

/// Asks one member how it is, through nothing but etcd's API.
struct MemberProbe {
    let client: EtcdClient
    var timeout = TimeAmount.seconds(2)

    /// Status first, which needs no quorum; then a linearizable read, which is what clients need.
    func probe() async -> Probe {
        let answer: StatusResponse
        do throws(EtcdClientError) {
            answer = try await client.status(timeout: timeout)
        } catch {
            return Probe(MemberProbe.verdict(error, answered: false), message: "\(error.status)")
        }
        var probe = Probe(.serving)
        probe.clusterID = "\(ClusterID(rawValue: answer.header.clusterID))"
        probe.memberID = "\(MemberID(rawValue: answer.header.memberID))"
        probe.leaderID = "\(MemberID(rawValue: answer.leader))"
        probe.revision = answer.header.revision
        probe.dbSize = answer.dbSize
        probe.version = answer.version
        probe.isLearner = answer.isLearner
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
            try await client.health(timeout: timeout)
        } catch {
            probe.verdict = MemberProbe.verdict(error, answered: true)
            probe.message = "\(error.status)"
        }
        return probe
    }

    /// The members as a quorum knows them; nil when this member could not ask one.
    func memberList() async -> MemberList? {
        do throws(EtcdClientError) {
            let answer = try await client.memberList(linearizable: true, timeout: timeout)
            return MemberList(
                clusterID: "\(ClusterID(rawValue: answer.header.clusterID))",
                entries: answer.members.map { member in
                    MemberList.Entry(
                        id: "\(MemberID(rawValue: member.id))",
                        name: member.name,
                        isLearner: member.isLearner
                    )
                }
            )
        } catch {
            return nil
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
