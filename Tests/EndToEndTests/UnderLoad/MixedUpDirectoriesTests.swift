import Foundation
import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: [Kind.ours, .v3_4])
    func `directories that stand in each other's places are put back`(kind: Kind) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let names = LoadedCluster.names(0, 1, 2)
            // Two of them, while the third goes on alone.
            let before = loaded.cluster.members()
            try await loaded.behindTheOperatorsBack {
                try await loaded.end(["quickstart-0", "quickstart-1"])
                try loaded.mixUp([1, 0, 2])
            }
            try await loaded.restarted(["quickstart-0", "quickstart-1"], since: before)
            try await loaded.settle(as: names)
            #expect(Set(loaded.cluster.members()).intersection(before).count == 1)
            try await loaded.progress()

            // All of them, while the cluster is down.
            let down = try await loaded.cluster.operatorCommand("down", "quickstart")
            #expect(down.status == 0, "\(down.errors)")
            try loaded.mixUp([2, 0, 1])
            _ = try await loaded.cluster.operatorCommand("up", "quickstart")
            try await loaded.settle(as: names)
        }
    }
}

extension LoadedCluster {
    /// Moves each member's directory to another's place.
    fileprivate func mixUp(_ order: [Int]) throws {
        let files = FileManager.default
        let names = Self.names(0, 1, 2)
        for name in names {
            try files.moveItem(
                atPath: "\(folder)/members/\(name)",
                toPath: "\(folder)/members/.old-\(name)"
            )
        }
        for (name, other) in zip(names, order) {
            try files.moveItem(
                atPath: "\(folder)/members/.old-\(names[other])",
                toPath: "\(folder)/members/\(name)"
            )
        }
    }
}
