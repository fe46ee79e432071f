import Foundation
import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: zip([Kind.ours, .v3_4], [50, 12]))
    func `an operator that is killed again and again loses nothing and does nothing twice`(
        kind: Kind,
        kills: Int
    ) async throws {
        var random = (Seed.batch(1).first ?? Seed(1)).generator()
        try await LoadedCluster.with(kind) { loaded in
            for round in 0..<kills {
                switch round {
                case kills / 5: try loaded.kill("quickstart-0")
                case kills * 2 / 5: try loaded.wipe("quickstart-1")
                case kills * 3 / 5: try loaded.scale(to: 4)
                case kills * 4 / 5: try? loaded.kill("quickstart-2")
                default: break
                }
                // Some die while they look around, others in the midst of a change.
                let least = loaded.ledger.count + random.within(1...150)
                try await eventually("writes go on in round \(round)", within: .seconds(60)) {
                    loaded.ledger.count >= least
                }
                loaded.cluster.controller.signal(SIGKILL)
                try await loaded.cluster.controller.waitForExit()
                try loaded.cluster.startController()
            }
            let names = LoadedCluster.names(0, 2, 3, 4)
            try await loaded.settle(as: names)
            #expect(loaded.cluster.members().map(\.name) == names, "and nobody else")
            let list = try await loaded.cluster.etcdctl("member", "list")
            #expect(list.split(separator: "\n").count == 4)
            try loaded.checkJournal()
        }
    }
}

extension LoadedCluster {
    fileprivate func wipe(_ member: String) throws {
        try FileManager.default.removeItem(atPath: data(of: member))
        try kill(member)
    }

    /// One learner at a time, no member added or removed twice, and no id that comes back.
    fileprivate func checkJournal() throws {
        var added: [String] = []
        var removed: [String] = []
        var enlisted = 0
        for line in try journal() where line["result"] as? String == "done" {
            let step = line["step"] as? String ?? ""
            let before = line["before"] as? String ?? ""
            let after = line["after"] as? String ?? ""
            let learners = before.components(separatedBy: "(learner)").count - 1
            #expect(learners <= 1, "\(line)")
            if step.hasPrefix("add ") {
                #expect(learners == 0, "\(line)")
                let id = String(after.dropFirst("with ".count).prefix { $0 != "," })
                #expect(!added.contains(id) && !removed.contains(id), "\(line)")
                added.append(id)
            } else if step.hasPrefix("remove member ") {
                let id = String(after.dropFirst("without ".count))
                #expect(!removed.contains(id), "\(line)")
                removed.append(id)
            } else if step.hasPrefix("choose name and ports for another") {
                enlisted += 1
            }
        }
        #expect(added.count <= 2 && removed.count <= 1 && enlisted <= 2)
        print("journal: \(enlisted) enlisted, \(added.count) added, \(removed.count) removed")
    }
}
