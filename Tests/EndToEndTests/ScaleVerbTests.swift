import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// `scale` edits the file that declares a cluster.
    @Suite(.serialized, .timeLimit(.minutes(5)))
    struct ScaleVerbTests {
        private func text(_ cluster: RunningCluster) throws -> String {
            String(decoding: try readFile(cluster.spec), as: UTF8.self)
        }

        @Test func `the file is edited in one place and the operator takes it`() async throws {
            let cluster = try await RunningCluster.start()
            let before = try text(cluster)
            let isSet = unsafe chmod(cluster.spec, 0o604) == 0
            #expect(isSet)

            let dry = try await cluster.operatorCommand(
                "scale",
                "quickstart",
                "--replicas",
                "5",
                "--dry-run"
            )
            #expect(dry.status == 0)
            #expect(
                dry.output.contains("\n-  replicas: 3 # ")
                    && dry.output.contains("\n+  replicas: 5")
            )
            let unmet = try await cluster.operatorCommand(
                "scale",
                "quickstart",
                "--replicas",
                "5",
                "--current-replicas",
                "1"
            )
            #expect(unmet.status == 4, "\(unmet.errors)")
            let wrong = try await cluster.operatorCommand("scale", "quickstart", "--replicas", "11")
            #expect(wrong.status == 2, "\(wrong.errors)")
            let absent = try await cluster.operatorCommand("scale", "nosuch", "--replicas", "5")
            #expect(absent.status == 3)
            #expect(try text(cluster) == before)

            let scaled = try await cluster.operatorCommand(
                "scale",
                "ec/quickstart",
                "--replicas",
                "5",
                "--current-replicas",
                "3"
            )
            #expect(scaled.status == 0, "\(scaled.errors)")
            #expect(scaled.output.hasPrefix("quickstart scaled from 3 to 5: \(cluster.spec):"))
            let after = before.replacingOccurrences(of: "replicas: 3 #", with: "replicas: 5 #")
            #expect(try text(cluster) == after)
            let mode = try FileManager.default.attributesOfItem(atPath: cluster.spec)
            #expect(mode[.posixPermissions] as? Int == 0o604)
            try await eventually("the operator has taken the edit") {
                let got = try await cluster.operatorCommand("get", "ec", "quickstart", "-o", "yaml")
                return got.output.contains("replicas: 5\n")
                    && got.output.contains("generation: 2\n")
            }
            let again = try await cluster.operatorCommand("scale", "quickstart", "--replicas", "5")
            #expect(again.output == "quickstart: spec.replicas is 5 already\n")
            try await checkWithoutOperator(cluster)
            await cluster.stop()
        }

        private func checkWithoutOperator(_ cluster: RunningCluster) async throws {
            cluster.controller.signal(SIGINT)
            try await cluster.controller.waitForExit()
            let back = try await cluster.operatorCommand("scale", "quickstart", "--replicas", "3")
            #expect(back.status == 0)
            #expect(back.errors.contains("the next one takes it up"))
            let spec = try text(cluster).replacingOccurrences(
                of: "replicas: 3",
                with: "replicas: &three 3"
            )
            try Data(spec.utf8).write(to: URL(fileURLWithPath: cluster.spec))
            let doubtful = try await cluster.operatorCommand(
                "scale",
                "quickstart",
                "--replicas",
                "5"
            )
            #expect(doubtful.status == 4)
            #expect(doubtful.errors.contains("&three"), "\(doubtful.errors)")
            #expect(try text(cluster) == spec)
            try FileManager.default.removeItem(atPath: cluster.spec)
            let gone = try await cluster.operatorCommand("scale", "quickstart", "--replicas", "5")
            #expect(gone.status == 3, "\(gone.errors)")
        }

        @Test func `a shell completes the names of clusters and members`() async throws {
            let cluster = try await RunningCluster.start()
            let program = "\(builtPrograms())/etcd-operator"
            for shell in ["bash", "zsh", "fish"] {
                let script = try await Program.run(
                    program,
                    ["--generate-completion-script", shell]
                )
                #expect(script.status == 0 && script.output.contains("journal"), "\(shell)")
            }
            let ask = """
                PATH=\(builtPrograms()):$PATH
                source <(etcd-operator --generate-completion-script bash)
                for word in plan logs scale; do
                    COMP_LINE="etcd-operator $word q" COMP_WORDS=(etcd-operator $word q)
                    COMP_CWORD=2 COMP_POINT=${#COMP_LINE} COMPREPLY=()
                    _etcd-operator
                    echo "$word: ${COMPREPLY[@]}"
                done
                """
            let answer = try await Program.run(
                "/bin/bash",
                ["-c", ask],
                environment: ["ETCD_OPERATOR_STATE_DIR": cluster.stateDirectory]
            )
            let members = "quickstart-0 quickstart-1 quickstart-2"
            #expect(
                answer.output
                    == "plan: quickstart\nlogs: quickstart \(members)\nscale: quickstart\n",
                "\(answer.errors)"
            )
            await cluster.stop()
        }
    }
}
