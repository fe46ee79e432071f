import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// Verbs for several clusters, of which some cannot be created or read.
    @Suite(.serialized, .enabled(if: Etcdctl.isThere, Etcdctl.missing), .timeLimit(.minutes(5)))
    struct SeveralClustersTests {
        private static let spec = """
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: { name: one }
            spec: { replicas: 1 }
            ---
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: { name: two, namespace: shop }
            spec: { replicas: 1 }
            ---
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: { name: never }
            spec: { replicas: 1, engine: { type: etcd, etcd: { binary: /no/such/etcd } } }
            """

        @Test func `all means the namespace, and one that fails holds up no other`() async throws {
            let cluster = try await RunningCluster.start(spec: Self.spec)
            try await eventually("both serve") {
                let got = try await cluster.operatorCommand("get", "ec", "-A")
                return got.output.components(separatedBy: "1/1").count == 3
            }
            let down = try await cluster.operatorCommand("down", "--all")
            #expect(down.status == 0, "\(down.errors)")
            #expect(cluster.members().map(\.name) == ["two-0"])
            #expect(down.output == "one is down; its data stays\n")

            // The hint of one verb fits the next.
            let up = try await cluster.operatorCommand("up", "etcdcluster/two", "-n", "shop")
            #expect(up.output == "two -n shop may run: the operator starts its members\n")
            let refused = try await cluster.operatorCommand("delete", "ec/one")
            #expect(refused.status == 4, "\(refused.errors)")

            cluster.controller.signal(SIGINT)
            try await cluster.controller.waitForExit()
            try await checkUnreadable(cluster)
            try await checkWithoutSpecs(cluster)
            await cluster.stop()
        }

        /// A record that is damaged hides no other cluster.
        private func checkUnreadable(_ cluster: RunningCluster) async throws {
            let path = "\(cluster.stateDirectory)/clusters/default/one/cluster.json"
            let record = try readFile(path)
            try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
            let got = try await cluster.operatorCommand("get", "ec", "-A")
            #expect(got.status == 0)
            #expect(got.output.contains("Unreadable") && got.output.contains("two"))
            #expect(got.errors.contains(path), "\(got.errors)")
            let down = try await cluster.operatorCommand("down", "--all", "-A")
            #expect(down.status == 1)
            #expect(down.output == "two -n shop is down; its data stays\n")
            #expect(cluster.members().isEmpty)
            try Data(record).write(to: URL(fileURLWithPath: path))
        }

        /// The file is gone: what is known goes on, and can be deleted.
        private func checkWithoutSpecs(_ cluster: RunningCluster) async throws {
            _ = try await cluster.operatorCommand("up", "--all", "-A")
            try FileManager.default.removeItem(atPath: cluster.spec)
            try cluster.startController()
            try await eventually("the members are back") { cluster.members().count == 2 }
            let deleted = try await cluster.operatorCommand("delete", "etcdcluster", "one")
            #expect(deleted.status == 0, "\(deleted.errors)")
            #expect(cluster.members().map(\.name) == ["two-0"])
            #expect(fileNames(in: "\(cluster.stateDirectory)/trash").count == 1)
        }
    }
}
