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
                try await loaded.replaceOperator(afterWrites: random.within(1...150))
            }
            let names = try await loaded.settle(with: 4)
            #expect(names.prefix(2) == ["quickstart-0", "quickstart-2"])
            #expect(loaded.cluster.members().map(\.name) == names, "and nobody else")
            let list = try await loaded.cluster.etcdctl("member", "list")
            #expect(list.split(separator: "\n").count == 4)
            // Two came: in the place of the wiped one, and as the fourth. Who was about to start
            // when the operator was killed may have been given up: that costs an empty learner.
            let last = names.compactMap { Int($0.dropFirst("quickstart-".count)) }.max() ?? 0
            let spoilt = last - 4
            #expect((0...2).contains(spoilt))
            try loaded.checkJournal(spoilt: spoilt)
        }
    }
}

extension LoadedCluster {
    fileprivate func wipe(_ member: String) throws {
        try FileManager.default.removeItem(atPath: data(of: member))
        try kill(member)
    }

    /// One learner at a time, no member added or removed twice, and no id that comes back.
    fileprivate func checkJournal(spoilt: Int) throws {
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
        // The last line before a kill may be missing.
        #expect(enlisted <= 2 + spoilt && added.count <= 2 + spoilt && removed.count <= 1 + spoilt)
        print(
            "journal: \(enlisted) enlisted, \(added.count) added, \(removed.count) removed, "
                + "\(spoilt) spoilt"
        )
    }
}
