import Foundation
import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: [Kind.ours, .v3_4])
    func `without the folder of its spec a cluster goes on, and obeys it when it is back`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind, specInFolder: kind == .ours) { loaded in
            let names = LoadedCluster.names(0, 1, 2)
            let folder = URL(fileURLWithPath: loaded.cluster.spec).deletingLastPathComponent()
            try FileManager.default.removeItem(at: folder)
            try await loaded.told("OutOfReach", "whether a file declares this cluster")
            let before = loaded.cluster.members()
            try loaded.kill("quickstart-2")
            try await loaded.restarted(["quickstart-2"], since: before)
            try await loaded.settle(as: names)
            #expect(Set(loaded.cluster.members()).intersection(before).count == 2)

            try FileManager.default.createDirectory(
                at: folder,
                withIntermediateDirectories: false
            )
            try loaded.scale(to: 2)
            // Who leads by then stays.
            let left = try await loaded.settle(with: 2)
            #expect(Set(left).isSubset(of: names))
        }
    }
}

extension EndToEndTests.BadInputTests {
    @Test(arguments: [Kind.ours, .v3_4, .v3_5])
    func `a new cluster with a flag that nobody knows says which`(kind: Kind) async throws {
        let fields = "settings: { extraArgs: { nonsense: \"1\" } }"
        let text = try LoadedCluster.spec(
            kind,
            1,
            "{ basePort: \(RunningCluster.nextPort()) }",
            fields
        )
        let cluster = try RunningCluster(spec: text)
        try await eventually("it is told", within: .seconds(30)) {
            let shown = try await cluster.operatorCommand("describe", "ec/quickstart")
            return shown.output.contains("ConfigurationRefused")
                && shown.output.contains("nonsense")
        }
        #expect(cluster.members().isEmpty)
        await cluster.stop()
    }
}
