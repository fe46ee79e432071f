import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// What a user does with the quickstart, with the real `etcdctl`.
    @Suite(.serialized, .enabled(if: Etcdctl.isThere, Etcdctl.missing), .timeLimit(.minutes(5)))
    struct QuickstartTests {
        @Test func `keys are written and read through any member`() async throws {
            let cluster = try await RunningCluster.start()
            let endpoints = try await cluster.endpoints()
            #expect(endpoints.count == 3)

            for (number, endpoint) in endpoints.enumerated() {
                let put = try await cluster.etcdctl(
                    "put",
                    "key-\(number)",
                    "value",
                    endpoint: endpoint
                )
                #expect(put == "OK\n")
            }
            for endpoint in endpoints {
                let got = try await cluster.etcdctl("get", "key-", "--prefix", endpoint: endpoint)
                #expect(got == "key-0\nvalue\nkey-1\nvalue\nkey-2\nvalue\n")
            }
            try await checkOptionsOfGet(cluster)
            try await checkTransaction(cluster)
            try await checkMembersAndStatus(cluster)
            await cluster.stop()
        }

        private func checkOptionsOfGet(_ cluster: RunningCluster) async throws {
            func get(_ options: String...) async throws -> String {
                let outcome = try await cluster.etcdctl(["get"] + options)
                return outcome.status == 0 ? outcome.output : outcome.errors
            }
            #expect(try await get("key-0", "key-2", "--keys-only") == "key-0\n\nkey-1\n\n")
            #expect(try await get("key-", "--prefix", "--limit=1", "--keys-only") == "key-0\n\n")
            #expect(
                try await get(
                    "key-",
                    "--prefix",
                    "--order=DESCEND",
                    "--sort-by=CREATE",
                    "--limit=1"
                )
                    == "key-2\nvalue\n"
            )
            let counted = try await get(
                "key-",
                "--prefix",
                "--keys-only",
                "--limit=1",
                "--write-out=fields"
            )
            #expect(counted.contains("\"Count\" : 3"))

            _ = try await cluster.etcdctl("put", "history", "one")
            let fields = try await get("history", "--write-out=fields")
            let revision = try #require(
                fields.split(separator: "\n").first { $0.hasPrefix("\"ModRevision\"") }?
                    .split(separator: " ").last.map(String.init)
            )
            _ = try await cluster.etcdctl("put", "history", "two")
            #expect(try await get("history") == "history\ntwo\n")
            #expect(try await get("history", "--rev=\(revision)") == "history\none\n")
            #expect(try await cluster.etcdctl("del", "history") == "1\n")
            #expect(try await get("history").isEmpty)
            let future = try await get("history", "--rev=999999")
            #expect(future.contains("etcdserver: mvcc: required revision is a future revision"))
        }

        private func checkTransaction(_ cluster: RunningCluster) async throws {
            let endpoints = try await cluster.endpoints().joined(separator: ",")
            let etcdctl = try #require(installed("etcdctl"))
            let script = """
                printf 'value("key-0") = "value"\\n\\nput done yes\\nget key-0\\n\\n%s\\n\\n' \
                    'put done no' |
                ETCDCTL_API=3 \(etcdctl) --endpoints=\(endpoints) txn
                """
            let outcome = try await Program.run("/bin/sh", ["-c", script])
            #expect(outcome.output == "SUCCESS\n\nOK\n\nkey-0\nvalue\n", "\(outcome.errors)")
            #expect(try await cluster.etcdctl("get", "done", "--print-value-only") == "yes\n")
        }

        private func checkMembersAndStatus(_ cluster: RunningCluster) async throws {
            let members = try await cluster.etcdctl("member", "list")
            #expect(members.split(separator: "\n").count == 3)
            for member in cluster.members() {
                #expect(members.contains("started, \(member.name), http://127.0.0.1:"))
            }
            let status = try await cluster.etcdctl("endpoint", "status")
            let leaders = status.split(separator: "\n").filter { $0.contains(", true, false,") }
            #expect(leaders.count == 1, "one leader among:\n\(status)")
            let health = try await cluster.etcdctl(["endpoint", "health"])
            #expect(health.status == 0)
            let healthy = (health.output + health.errors).split(separator: "\n")
                .filter { $0.contains("is healthy") }
            #expect(healthy.count == 3)
        }

        @Test func `the verbs of the command line tell what runs`() async throws {
            let cluster = try await RunningCluster.start()
            let table = try await cluster.operatorCommand("get", "etcdclusters")
            #expect(table.status == 0)
            #expect(table.output.contains(RunningCluster.name))

            let json = try await cluster.operatorCommand("get", "etcdclusters", "-o", "json")
            #expect(throws: Never.self) {
                _ = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
            }

            let described = try await cluster.operatorCommand(
                "describe",
                "etcdcluster",
                RunningCluster.name
            )
            #expect(described.status == 0)
            for member in cluster.members() { #expect(described.output.contains(member.name)) }

            let events = try await cluster.operatorCommand("events")
            #expect(events.status == 0)
            #expect(events.output.contains(RunningCluster.name))

            let absent = try await cluster.operatorCommand("describe", "etcdcluster", "nosuch")
            #expect(absent.status == 3, "\(absent.errors)")
            await cluster.stop()
        }

        @Test func `down stops the members and keeps their data until run and up`() async throws {
            let cluster = try await RunningCluster.start()
            _ = try await cluster.etcdctl("put", "kept", "yes")

            let down = try await cluster.operatorCommand("down", RunningCluster.name)
            #expect(down.status == 0, "\(down.errors)")
            #expect(cluster.members().isEmpty)

            let up = try await cluster.operatorCommand("up", RunningCluster.name)
            #expect(up.status == 0, "\(up.errors)")
            try await eventually("the data is served again") {
                let got = try? await cluster.etcdctl(["get", "kept", "--print-value-only"])
                return got?.output == "yes\n"
            }

            let all = try await cluster.operatorCommand("down", "--all")
            #expect(all.status == 0, "\(all.errors)")
            #expect(cluster.members().isEmpty)
            await cluster.stop()
        }

        @Test func `with stop-on-exit nothing is left running`() async throws {
            let cluster = try await RunningCluster.start(arguments: ["--stop-on-exit"])
            #expect(cluster.members().count == 3)
            cluster.controller.signal(SIGINT)
            let status = try await cluster.controller.waitForExit()
            #expect(status == 0)
            #expect(cluster.members().isEmpty)
            await cluster.stop()
        }

        @Test func `without it Ctrl-C leaves the members running and says so`() async throws {
            let cluster = try await RunningCluster.start()
            let before = cluster.members()
            cluster.controller.signal(SIGINT)
            let status = try await cluster.controller.waitForExit()
            #expect(status == 0)
            #expect(cluster.members() == before)
            let said = cluster.controller.output + cluster.controller.errors
            #expect(said.contains("3 members keep running"), "\(said)")
            #expect(said.contains("down"))
            #expect(!said.contains("error"), "\(said)")
            await cluster.stop()
        }
    }
}
