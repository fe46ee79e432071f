import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// Processes die; the cluster heals and nothing acknowledged is lost.
    @Suite(.serialized, .enabled(if: Etcdctl.isThere, Etcdctl.missing), .timeLimit(.minutes(10)))
    struct HealingTests {
        @Test(arguments: 0..<3)
        func `a killed member is back within seconds and catches up, while writes go on`(
            victim: Int
        ) async throws {
            let cluster = try await RunningCluster.start()
            let endpoints = try await cluster.endpoints()
            let before = cluster.members()
            kill(before[victim].pid, SIGKILL)
            for number in 0..<3 {
                let survivor = endpoints[(victim + 1 + number % 2) % 3]
                // What was under way when a leader died may go unanswered; a client asks again.
                try await eventually("a write goes through") {
                    let put = try await cluster.etcdctl(
                        ["put", "during-\(number)", "x"],
                        endpoint: survivor
                    )
                    return put.output == "OK\n"
                }
            }
            try await eventually("the member is restarted") {
                let now = cluster.members()
                return now.count == 3 && now[victim].pid != before[victim].pid
            }
            try await eventually("it serves what was written without it") {
                let got = try? await cluster.etcdctl(
                    ["get", "during-", "--prefix", "--keys-only", "--consistency=s"],
                    endpoint: endpoints[victim]
                )
                return got?.output.split(separator: "\n").count == 3
            }
            let others = cluster.members().filter { $0.name != before[victim].name }
            #expect(
                others == before.filter { $0.name != before[victim].name },
                "nobody else restarted"
            )
            await cluster.stop()
        }

        @Test func `a killed operator leaves the members serving and adopts them again`()
            async throws
        {
            let cluster = try await RunningCluster.start()
            let before = cluster.members()
            cluster.controller.signal(SIGKILL)
            try await cluster.controller.waitForExit()
            #expect(try await cluster.etcdctl("put", "alone", "yes") == "OK\n")

            try cluster.startController()
            try await cluster.waitUntilServing()
            #expect(cluster.members() == before, "nothing was restarted")

            kill(before[1].pid, SIGKILL)
            try await eventually("an adopted member is restarted too") {
                let now = cluster.members()
                return now.count == 3 && now[1].pid != before[1].pid
            }
            await cluster.stop()
        }

        @Test func `after everything was killed run brings the same data back`() async throws {
            let cluster = try await RunningCluster.start()
            #expect(try await cluster.etcdctl("put", "lasting", "yes") == "OK\n")
            let list = try await cluster.etcdctl("member", "list")
            cluster.controller.signal(SIGKILL)
            for member in cluster.members() { kill(member.pid, SIGKILL) }
            try await cluster.controller.waitForExit()
            try await eventually("all have ended") { cluster.members().isEmpty }

            try cluster.startController()
            try await cluster.waitUntilServing()
            #expect(try await cluster.etcdctl("get", "lasting", "--print-value-only") == "yes\n")
            #expect(try await cluster.etcdctl("member", "list") == list, "the same cluster")
            await cluster.stop()
        }
    }
}
