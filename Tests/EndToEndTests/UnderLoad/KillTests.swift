import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: [Kind.ours, .v3_4])
    func `killed members come back with all that they acknowledged, one or all at once`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let names = LoadedCluster.names(0, 1, 2)
            let leader = try #require(try loaded.status()["leader"] as? String)
            let before = loaded.cluster.members()
            try loaded.kill(leader)
            try await loaded.restarted([leader], since: before)
            try await loaded.settle(as: names)
            try await loaded.progress()
            #expect(Set(loaded.cluster.members()).intersection(before).count == 2)

            let after = loaded.cluster.members()
            for name in names { try loaded.kill(name) }
            try await loaded.restarted(names, since: after)
            try await loaded.settle(as: names)
        }
    }
}
