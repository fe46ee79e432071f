import Foundation
import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: [Kind.ours, .v3_4])
    func `an operator whose files are lost finds out again and restarts nobody`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let names = LoadedCluster.names(0, 1, 2)
            let running = loaded.cluster.members()
            try await loaded.withoutOperator {
                try loaded.lose(["cluster.json", "cluster.json.previous"])
            }
            try await loaded.settle(as: names)
            try await loaded.withoutOperator {
                try loaded.lose(fileNames(in: loaded.folder).filter { $0 != "members" })
            }
            try await loaded.settle(as: names)
            try loaded.lose(["status.json", "journal.jsonl", "events.jsonl"])
            #expect(loaded.cluster.members() == running)

            // It does its work: a member that dies now is healed, and that is written down.
            try loaded.kill("quickstart-1")
            try await loaded.restarted(["quickstart-1"], since: running)
            try await loaded.settle(as: names)
            #expect(try loaded.journal().contains { $0["step"] as? String == "start quickstart-1" })
        }
    }
}

extension LoadedCluster {
    fileprivate func lose(_ files: [String]) throws {
        for name in files { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
    }
}
