import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// The verbs that say what is, what happened and what comes next, and those that go on with it.
    @Suite(.serialized, .enabled(if: Etcdctl.isThere, Etcdctl.missing), .timeLimit(.minutes(5)))
    struct ExplainingVerbsTests {
        /// A verb that goes on until Ctrl-C.
        private func watch(_ cluster: RunningCluster, _ arguments: String...) throws -> Program {
            try Program(
                "\(builtPrograms())/etcd-operator",
                arguments + ["--state-dir", cluster.stateDirectory]
            )
        }

        private func json(_ text: String) throws -> [String: Any] {
            try #require(
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            )
        }

        @Test func `what goes on is shown as it comes, and Ctrl-C is no failure`() async throws {
            let cluster = try await RunningCluster.start()
            let rows = try watch(cluster, "get", "ec", "-w")
            let plans = try watch(cluster, "plan", "quickstart", "-w")
            let documents = try watch(cluster, "get", "ec", "--watch-only", "-o", "json")
            let warnings = try watch(cluster, "events", "-w", "--types=warning")
            let events = try watch(cluster, "events", "quickstart", "--watch")
            let journal = try watch(cluster, "journal", "quickstart", "-w", "-o", "yaml")
            let log = try watch(cluster, "logs", "quickstart-1", "-f", "--tail", "1")
            let logs = try watch(cluster, "logs", "quickstart", "-f", "--tail", "0")
            let all = [rows, plans, documents, warnings, events, journal, log, logs]
            // What they begin with.
            try await eventually("they have begun") {
                rows.output.contains("3/3") && plans.output.contains("3 members serving")
                    && events.output.contains("Bootstrapped")
                    && journal.output.contains("publish the endpoints")
                    && log.output.contains("\n")
            }

            let killed = try #require(cluster.members().first { $0.name == "quickstart-1" })
            kill(killed.pid, SIGKILL)
            try await eventually("the end of a member is told") {
                let newRun = log.output.components(separatedBy: "\"listening\"").dropFirst().last
                return newRun?.contains("ready to serve") == true
                    && warnings.output.contains("Killed")
                    && events.output.contains("MemberRestarted")
                    && journal.output.contains("reason: quickstart-1 was ended by signal 9")
            }
            // A state that does not last may be gone before somebody looks: this one lasts.
            let down = try await cluster.operatorCommand("down", "quickstart")
            #expect(down.status == 0, "\(down.errors)")
            try await eventually("it is told that the cluster is down") {
                rows.output.contains("0/3") && plans.output.contains("Stopped, 0/3 members")
                    && documents.output.contains("\"phase\": \"Stopped\"")
            }
            _ = try await cluster.operatorCommand("up", "quickstart")
            try await eventually("it is told that it is back") {
                let later = rows.output.components(separatedBy: "0/3").last
                return later?.contains("3/3") == true
                    && documents.output.contains("\"phase\": \"Running\"")
                    && logs.output.contains("[quickstart-1] {")
                    && logs.output.contains("[quickstart-0] {")
            }
            #expect(!warnings.output.contains("Normal"))
            #expect(rows.output.components(separatedBy: "READY").count == 2, "one heading")
            for program in all {
                program.signal(SIGINT)
                let status = try await program.waitForExit()
                #expect(status == 0, "\(program.errors)")
            }
            try checkDocuments(documents.output)
            await cluster.stop()
        }

        /// Each change is a document of its own.
        private func checkDocuments(_ text: String) throws {
            let parts = text.components(separatedBy: "\n}\n").dropLast().map { $0 + "\n}" }
            #expect(parts.count >= 2)
            for part in parts { #expect(try json(part)["kind"] as? String == "EtcdCluster") }
        }

        @Test func `the verbs answer without an operator and say so`() async throws {
            let cluster = try await RunningCluster.start()
            try await checkPlan(cluster)
            try await checkLogs(cluster)
            try await checkJournal(cluster)
            try await checkDescription(cluster)
            cluster.controller.signal(SIGINT)
            try await cluster.controller.waitForExit()
            for verb in [["get", "ec"], ["plan"], ["plan", "-o", "wide"]] {
                let outcome = try await Program.run(
                    "\(builtPrograms())/etcd-operator",
                    verb + ["--state-dir", cluster.stateDirectory]
                )
                #expect(outcome.status == 0)
                #expect(outcome.errors.contains("No operator is running"), "\(verb)")
            }
            for verb in ["journal", "logs", "describe", "plan"] {
                let words = verb == "describe" ? [verb, "ec", "nosuch"] : [verb, "nosuch"]
                let outcome = try await Program.run(
                    "\(builtPrograms())/etcd-operator",
                    words + ["--state-dir", cluster.stateDirectory]
                )
                #expect(outcome.status == 3, "\(verb): \(outcome.errors)")
            }
            await cluster.stop()
        }

        private func checkPlan(_ cluster: RunningCluster) async throws {
            try await eventually("nothing is left to do") {
                let words = try await cluster.operatorCommand("plan", "ec/quickstart")
                return words.output.contains("Next:         nothing\n")
                    && !words.output.contains("Not as it should be")
            }
            let tree = try json(
                try await cluster.operatorCommand("plan", "quickstart", "-o", "json").output
            )
            #expect(tree["operatorRunning"] as? Bool == true)
            #expect((tree["plan"] as? [String: Any])?["reason"] as? String == "3 members serving")
            let both = try await cluster.operatorCommand("plan", "quickstart", "-A")
            #expect(both.status == 2)
        }

        private func checkLogs(_ cluster: RunningCluster) async throws {
            let whole = try await cluster.operatorCommand("logs", "quickstart-0")
            let file =
                "\(cluster.stateDirectory)/clusters/default/quickstart/members/quickstart-0/log"
            let text = String(decoding: try readFile("\(file)/member.log"), as: UTF8.self)
            #expect(whole.output.hasPrefix("{") && text.hasPrefix(whole.output))
            let tail = try await cluster.operatorCommand("logs", "quickstart", "--tail", "2")
            let lines = tail.output.split(separator: "\n")
            #expect(lines.count == 6)
            for member in cluster.members() {
                #expect(lines.count { $0.hasPrefix("[\(member.name)] {") } == 2)
            }
            let times = lines.compactMap { $0.split(separator: "\"").dropFirst(6).first }
            #expect(times == times.sorted())
            let none = try await cluster.operatorCommand("logs", "quickstart-0", "--since", "0s")
            #expect(none.status == 0 && none.output.isEmpty)
            let previous = try await cluster.operatorCommand("logs", "quickstart-0", "-p")
            #expect(previous.status == 3)
            let stranger = try await cluster.operatorCommand("logs", "quickstart/quickstart-8")
            #expect(stranger.status == 3)
            let wrong = try await cluster.operatorCommand("logs", "quickstart", "--since", "soon")
            #expect(wrong.status == 2)
        }

        private func checkJournal(_ cluster: RunningCluster) async throws {
            let table = try await cluster.operatorCommand("journal", "quickstart")
            let rows = table.output.split(separator: "\n")
            let headings = rows[0].split(separator: " ").map(String.init)
            #expect(headings == ["TIME", "STEP", "RESULT", "REASON"])
            #expect(rows.contains { $0.contains("start quickstart-2 as a new member") })
            let wide = try await cluster.operatorCommand("journal", "quickstart", "-o", "wide")
            #expect(wide.output.contains("BEFORE"))
            let tree = try json(
                try await cluster.operatorCommand("journal", "quickstart", "-o", "json").output
            )
            let items = try #require(tree["items"] as? [[String: Any]])
            #expect(items.count == rows.count - 1)
            #expect(items.allSatisfy { $0["result"] as? String == "done" })
            let none = try await cluster.operatorCommand("journal", "quickstart", "--since", "0s")
            #expect(none.output.isEmpty && none.errors.contains("Nothing was changed"))
        }

        private func checkDescription(_ cluster: RunningCluster) async throws {
            let outcome = try await Program.run(
                "\(builtPrograms())/etcd-operator",
                ["describe", "ec", "quickstart", "--state-dir", cluster.stateDirectory],
                environment: ["COLUMNS": "100"]
            )
            for line in outcome.output.split(separator: "\n") { #expect(line.count <= 100) }
            for title in ["Conditions", "Members", "Plan", "Spec", "Events"] {
                #expect(outcome.output.contains("\n\(title):\n"))
            }
            for member in cluster.members() {
                #expect(outcome.output.contains("process \(member.pid), 0 restarts"))
            }
        }

        @Test func `exec runs a program as if it had been started by itself`() async throws {
            let cluster = try await RunningCluster.start()
            func exec(_ program: String...) async throws -> Program.Outcome {
                try await Program.run(
                    "\(builtPrograms())/etcd-operator",
                    ["exec", "quickstart", "--state-dir", cluster.stateDirectory, "--"] + program
                )
            }
            let endpoints = try await cluster.endpoints()
            #expect(try await exec("etcdctl", "put", "a", "b").output == "OK\n")
            let one = try await exec("etcdctl", "--endpoints=\(endpoints[2])", "get", "a")
            #expect(one.output == "a\nb\n", "\(one.errors)")
            let script = "echo $ETCDCTL_API $ETCDCTL_ENDPOINTS; exit 7"
            let shell = try await exec("sh", "-c", script)
            #expect(shell.status == 7)
            #expect(shell.output == "3 \(endpoints.joined(separator: ","))\n")
            #expect(try await exec("no-such-program").status == 3)
            #expect(try await cluster.operatorCommand("exec", "quickstart").status == 2)

            let sleeper = try Program(
                "\(builtPrograms())/etcd-operator",
                ["exec", "quickstart", "--state-dir", cluster.stateDirectory, "--"]
                    + ["sh", "-c", "echo begun; read forever </dev/zero"]
            )
            try await eventually("it has begun") { sleeper.output == "begun\n" }
            let name = try readFile("/proc/\(sleeper.pid)/comm")
            #expect(String(decoding: name, as: UTF8.self) == "sh\n")
            sleeper.signal(SIGINT)
            #expect(try await sleeper.waitForExit() == 128 + SIGINT)
            await cluster.stop()
        }

        @Test func `without endpoints exec says why and runs nothing`() async throws {
            let spec = """
                apiVersion: etcd-operator.dev/v1alpha1
                kind: EtcdCluster
                metadata: { name: NAME }
                spec: { replicas: 1ENGINE }
                """
            let engine = ", engine: { type: etcd, etcd: { binary: /no/such/etcd } }"
            let good = spec.replacingOccurrences(of: "NAME", with: "one")
                .replacingOccurrences(of: "ENGINE", with: "")
            let bad = spec.replacingOccurrences(of: "NAME", with: "never")
                .replacingOccurrences(of: "ENGINE", with: engine)
            let cluster = try await RunningCluster.start(spec: "\(good)\n---\n\(bad)\n")
            try await eventually("it is told") {
                let plan = try await cluster.operatorCommand("plan", "never")
                return plan.output.contains("/no/such/etcd")
            }
            let refused = try await Program.run(
                "\(builtPrograms())/etcd-operator",
                ["exec", "never", "--state-dir", cluster.stateDirectory, "--", "echo", "ran"]
            )
            #expect(refused.status == 1 && refused.output.isEmpty)
            #expect(refused.errors.contains("no endpoints"), "\(refused.errors)")
            let logs = try await cluster.operatorCommand("logs", "never")
            #expect(logs.status == 3 && logs.errors.contains("was ever started"))
            await cluster.stop()
        }
    }
}
