import EtcdProto
import GRPC
import NIOPosix
import Operator
import Planning
import SwiftProtobuf
import Testing

/// What is made of a member's answers (safety rules 16 and 20).
@Suite(.timeLimit(.minutes(1))) struct MemberProbeTests {
    private func look(
        _ change: (inout AnsweringMember.Answers) -> Void
    ) async throws -> MemberLook {
        var look: MemberLook?
        try await AnsweringMember.with(change) { member in
            let members = EtcdMembers(group: MultiThreadedEventLoopGroup.singleton)
            look = await members.look(at: [member.url]).first
            await members.close()
        }
        return try #require(look)
    }

    @Test func `a member that serves tells who it is and who the members are`() async throws {
        let look = try await look { $0.status.dbSize = 4096 }
        #expect(look.probe.verdict == .serving)
        #expect((look.probe.clusterID, look.probe.memberID) == ("9", "7"))
        #expect((look.probe.leaderID, look.probe.revision, look.probe.dbSize) == ("7", 5, 4096))
        #expect(look.list?.entries.map(\.name) == ["orders-0"])
        #expect(look.alarms.isEmpty)
    }

    @Test func `without a leader it serves nobody, whatever else it says`() async throws {
        let look = try await look { $0.status.leader = 0 }
        #expect(look.probe.verdict == .noLeader && look.list == nil)
        #expect(look.probe.clusterID == "9")
    }

    @Test(arguments: [
        (GRPCStatus(.unavailable, "etcdserver: request timed out"), Probe.Verdict.noLeader),
        (GRPCStatus(.unavailable, "etcdserver: no leader"), .noLeader),
        (GRPCStatus(.unauthenticated, "etcdserver: invalid auth token"), .refusedMe),
        (GRPCStatus(.invalidArgument, "etcdserver: user name is empty"), .refusedMe),
        // It takes part in a quorum and says so.
        (GRPCStatus(.permissionDenied, "etcdserver: permission denied"), .serving),
    ])
    func `a read that fails says what it cannot do`(
        failure: GRPCStatus,
        verdict: Probe.Verdict
    ) async throws {
        let look = try await look { $0.failures["Range"] = failure }
        #expect(look.probe.verdict == verdict)
        #expect((look.list == nil) == (verdict != .serving))
    }

    @Test func `who is refused from the beginning is refused, not dead`() async throws {
        let look = try await look {
            $0.failures["Status"] = GRPCStatus(.unauthenticated, "etcdserver: invalid auth token")
        }
        #expect(look.probe.verdict == .refusedMe)
    }

    @Test func `alarms are those that a member that serves lists`() async throws {
        let look = try await look { answers in
            answers.status.errors = ["memberID:7 alarm:NOSPACE "]
            answers.alarms.alarms = [.with { ($0.memberID, $0.alarm) = (7, .nospace) }]
        }
        #expect(look.probe.verdict == .servingWithAlarm)
        #expect(look.alarms == [Alarm(.noSpace, memberID: "7")])
    }

    @Test func `rule 19: the alarm CORRUPT forbids reads, and is served with all the same`()
        async throws
    {
        let look = try await look { answers in
            answers.status.errors = ["memberID:7 alarm:CORRUPT "]
            answers.alarms.alarms = [.with { ($0.memberID, $0.alarm) = (7, .corrupt) }]
            answers.failures["Range"] = GRPCStatus(.dataLoss, "etcdserver: corrupt cluster")
        }
        #expect(look.probe.verdict == .servingWithAlarm)
        #expect(look.alarms == [Alarm(.corrupt, memberID: "7")])
    }

    @Test func `a learner serves without a read, and is not asked who the members are`()
        async throws
    {
        let look = try await look { answers in
            answers.status.isLearner = true
            answers.failures["Range"] = GRPCStatus(.unavailable, "rpc not supported for learner")
        }
        #expect(look.probe.verdict == .serving && look.probe.isLearner && look.list == nil)
    }

    @Test func `rule 16: a port that takes or refuses connections is within reach`()
        async throws
    {
        let listener = try Listener()
        let url = "http://127.0.0.1:\(listener.port)"
        let members = EtcdMembers(group: MultiThreadedEventLoopGroup.singleton)
        let silent = await members.look(at: [url]).first?.probe
        #expect(silent?.verdict == .unreachable && silent?.isWithinReach == true)
        listener.stop()
        let gone = try Listener()
        gone.stop()
        let absent = await members.look(at: ["http://127.0.0.1:\(gone.port)"]).first?.probe
        #expect(absent?.verdict == .unreachable && absent?.isWithinReach == true)
        await members.close()
    }

    @Test func `rule 20: two members at one address are none`() async throws {
        let read = try await look { $0.range.header.memberID = 8 }
        #expect(read.probe.verdict == .unknown)
        #expect(read.probe.message == "two members answer at its address")
        let list = try await look { $0.members.header.memberID = 8 }
        #expect(list.probe.verdict == .serving && list.list == nil)
        try await AnsweringMember.with({ $0.members.header.memberID = 8 }) { member in
            let members = EtcdMembers(group: MultiThreadedEventLoopGroup.singleton)
            let error = await #expect(throws: MemberError.self) {
                try await members.list(from: member.url)
            }
            #expect(error?.kind == .notYet)
            await members.close()
        }
    }
}
