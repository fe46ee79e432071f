import Foundation
import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: [Kind.ours, .v3_4, .v3_5])
    func `changed settings reach every member, one after the other`(kind: Kind) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let names = LoadedCluster.names(0, 1, 2)
            let before = loaded.cluster.members()
            loaded.ledger.forgetWaits()
            try loaded.edit(
                """
                settings: { snapshotCount: 500, extraArgs: { max-txn-ops: "256" } }
                  storage: { quota: 4Gi }
                """
            )
            try await loaded.rolledOut(
                names,
                ["--snapshot-count=500", "--max-txn-ops=256", "--quota-backend-bytes=4294967296"]
            )
            #expect(Set(loaded.cluster.members()).isDisjoint(with: before))
            try loaded.checkOneAtATime()
            print("rolled out to \(kind): a writer waited for \(loaded.ledger.longestWait) at most")
        }
    }

    @Test(arguments: [Kind.ours, .v3_4, .v3_5])
    func `a flag that nobody knows stops one member for a moment, and is gone`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let before = loaded.cluster.members()
            try loaded.edit("settings: { extraArgs: { nonsense: \"1\" } }")
            try await loaded.told("RolloutHalted", "nonsense", "0 of 3 members")
            try await eventually("three members serve again") {
                try loaded.status()["readyReplicas"] as? Int == 3
            }
            let after = loaded.cluster.members()
            #expect(Set(after).intersection(before).count == 2)
            for member in after {
                #expect(!loaded.flags(of: member).contains { $0.contains("nonsense") })
            }
            // Who is started again is started as before.
            try loaded.kill("quickstart-0")
            try await loaded.restarted(["quickstart-0"], since: before)
            try loaded.edit("")
            try await loaded.settle(as: LoadedCluster.names(0, 1, 2))
            #expect(try loaded.status()["phase"] as? String == "Running")
        }
    }

    @Test(arguments: [Kind.ours, .v3_4])
    func `a cluster of one is changed by another member, without a moment of silence`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind, replicas: 1) { loaded in
            loaded.ledger.forgetWaits()
            try loaded.edit("settings: { snapshotCount: 500 }")
            try await loaded.rolledOut(["quickstart-1"], ["--snapshot-count=500"])
            print("changed for another: a writer waited for \(loaded.ledger.longestWait) at most")
        }
    }

    @Test(arguments: [(Kind.ours, Kind.v3_5), (Kind.v3_5, Kind.ours)])
    func `a cluster goes from one engine to the other and keeps every write`(
        from: Kind,
        to: Kind
    ) async throws {
        try await LoadedCluster.with(from) { loaded in
            loaded.ledger.forgetWaits()
            try loaded.edit("", to)
            try await loaded.rolledOut(LoadedCluster.names(3, 4, 5), [])
            for member in loaded.cluster.members() {
                let isOurs = loaded.flags(of: member).contains { $0.hasPrefix("--compatibility=") }
                #expect(isOurs == (to == .ours))
            }
            print("\(from) -> \(to): a writer waited for \(loaded.ledger.longestWait) at most")
        }
    }

    @Test(arguments: [Kind.ours, .v3_5])
    func `a cluster moves to other ports, and its members by turns`(kind: Kind) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let port = RunningCluster.nextPort()
            loaded.ledger.forgetWaits()
            try loaded.move(to: "{ address: 127.0.0.2, basePort: \(port) }")
            try await loaded.settle(as: LoadedCluster.names(3, 4, 5))
            let endpoints = try loaded.status()["endpoints"] as? [String] ?? []
            #expect(endpoints.count == 3)
            for endpoint in endpoints {
                let parts = endpoint.split(separator: ":")
                #expect(parts.dropLast().joined(separator: ":") == "http://127.0.0.2")
                #expect((port..<port + 20).contains(Int(parts.last ?? "") ?? 0), "\(endpoint)")
            }
            print("\(kind) moved: a writer waited for \(loaded.ledger.longestWait) at most")
        }
    }

    @Test(arguments: [(Kind.v3_4, Kind.v3_5)])
    func `etcd is upgraded by naming another binary`(from: Kind, to: Kind) async throws {
        try await LoadedCluster.with(from) { loaded in
            loaded.ledger.forgetWaits()
            try loaded.edit("", to)
            try await loaded.waitForEvent("RolledOut")
            try await loaded.rolledOut(LoadedCluster.names(0, 1, 2), [])
            let members = try loaded.status()["members"] as? [[String: Any]] ?? []
            let versions = members.map { $0["version"] as? String ?? "" }
            #expect(versions.allSatisfy { $0.hasPrefix("3.5.") }, "\(versions)")
            try loaded.checkOneAtATime()
            print("\(from) -> \(to): a writer waited for \(loaded.ledger.longestWait) at most")
        }
    }

    @Test(arguments: [Kind.ours, .v3_4])
    func `slower timings come in two stages, and no leader is lost on the way`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind) { loaded in
            loaded.ledger.forgetWaits()
            try loaded.edit("settings: { heartbeatInterval: 500ms, electionTimeout: 5s }")
            try await loaded.rolledOut(
                LoadedCluster.names(0, 1, 2),
                ["--heartbeat-interval=500", "--election-timeout=5000"]
            )
            let begun = try loaded.journal().filter {
                ($0["step"] as? String)?.hasPrefix("roll out") == true
            }
            #expect(begun.count == 2, "\(begun)")
            try loaded.checkOneAtATime()
        }
    }

    @Test(arguments: [Kind.ours, .v3_4])
    func `an operator that is killed again and again still brings a change to its end`(
        kind: Kind
    ) async throws {
        var random = (Seed.batch(1).first ?? Seed(1)).generator()
        try await LoadedCluster.with(kind) { loaded in
            try loaded.edit("settings: { snapshotCount: 500 }")
            for _ in 0..<12 {
                try await loaded.replaceOperator(afterWrites: random.within(1...200))
            }
            try await loaded.rolledOut(LoadedCluster.names(0, 1, 2), ["--snapshot-count=500"])
        }
    }
}

extension LoadedCluster {
    /// Waits until these members, and nobody else, run with these flags, and the operator is at
    /// rest.
    fileprivate func rolledOut(_ names: [String], _ wanted: [String]) async throws {
        try await eventually("\(names) run with \(wanted)", within: .seconds(120)) {
            let members = self.cluster.members()
            guard members.map(\.name) == names, try self.status()["phase"] as? String == "Running"
            else { return false }
            return members.allSatisfy { Set(wanted).isSubset(of: self.flags(of: $0)) }
        }
        try await settle(as: names)
    }

    fileprivate func flags(of member: RunningCluster.MemberProcess) -> [String] {
        let bytes = (try? readFile("/proc/\(member.pid)/cmdline")) ?? []
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Between two members that are stopped for a roll-out the first was found to be well.
    fileprivate func checkOneAtATime() throws {
        var open: String?
        var count = 0
        for line in try journal() where line["result"] as? String == "done" {
            let words = (line["step"] as? String ?? "").split(separator: " ").map(String.init)
            if words.first == "stop", words.contains("rolled") {
                #expect(open == nil, "\(line)")
                open = String(words[1].dropLast())
                count += 1
            } else if words.first == "keep", words.contains("launched") {
                #expect(open == words[1], "\(line)")
                open = nil
            }
        }
        #expect(open == nil && count >= 3)
    }
}
