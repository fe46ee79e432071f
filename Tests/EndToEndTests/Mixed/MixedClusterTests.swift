import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import SwiftProtobuf
import TestKit
import Testing

extension EndToEndTests {
    /// etcd-member and real etcd in one cluster: whoever leads, whoever comes and goes, clients
    /// cannot tell.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct MixedClusterTests {
        @Test func `members of both kinds lead in turn, end and come back`() async throws {
            try await MixedCluster.with([.ours, .ours, .v3_5]) { cluster in
                let machines = cluster.machines
                for leader in [2, 0, 2, 1] {
                    try await cluster.lead(machines[leader])
                    try await cluster.progress()
                }
                for machine in machines { try await cluster.bounce(machine) }
                // Once more each, as the leader.
                for leader in [0, 2] {
                    try await cluster.lead(machines[leader])
                    try await cluster.bounce(machines[leader])
                }
            }
        }

        /// From one kind to the other, of how many members.
        struct Migration: Sendable, CustomTestStringConvertible {
            let old: Kind
            let new: Kind
            let size: Int

            var testDescription: String { "\(size) from \(old) to \(new)" }
        }

        private static let migrations = [
            Migration(old: .v3_5, new: .ours, size: 1),
            Migration(old: .v3_5, new: .ours, size: 3),
            Migration(old: .ours, new: .v3_5, size: 3),
        ]

        @Test(arguments: migrations)
        func `a cluster moves from one kind to the other`(_ migration: Migration) async throws {
            let fromReal = migration.old == .v3_5
            let flags =
                fromReal
                ? ["--snapshot-count=100"]
                : ["--snapshot-count=10", "--snapshot-catchup-entries=10"]
            // Else a member is taken in only after all have been connected for five seconds.
            let joining = migration.size > 1 ? ["--strict-reconfig-check=false"] : []
            try await MixedCluster.with(
                Array(repeating: migration.old, count: migration.size),
                flags: { _ in flags + joining },
                // Real etcd keeps 5,000 entries, ours 64 MiB of them.
                prepare: { cluster in
                    let client = cluster.machines[0].etcd
                    let (count, bytes) = fromReal ? (5_400, 100) : (80, 1_000_000)
                    try await cluster.ledger.fill(count, bytes: bytes, through: client)
                    // A leader of ours keeps more for a follower that is slow.
                    let words = fromReal ? "compacted Raft logs" : "compacted the log"
                    try await eventually("all have cut their logs", within: .seconds(60)) {
                        try await cluster.ledger.fill(20, bytes: bytes, through: client)
                        return cluster.machines.allSatisfy { $0.log.contains(words) }
                    }
                },
                { cluster in
                    let old = cluster.machines
                    let first = try await cluster.join(migration.new, flags: joining)
                    let applied = fromReal ? "installs a snapshot" : "applied snapshot"
                    #expect(first.log.contains(applied))
                    try await cluster.lead(first)
                    try await cluster.progress()
                    try await cluster.remove(old[0])
                    for machine in old.dropFirst() {
                        try await cluster.join(migration.new, flags: joining)
                        try await cluster.remove(machine)
                        try await cluster.progress()
                    }
                    #expect(cluster.machines.map(\.kind).allSatisfy { $0 == migration.new })
                    // What has come by a snapshot is there after a restart, too.
                    try await cluster.bounce(first)
                }
            )
        }

        @Test func `a full member of one kind stops writes through the other`() async throws {
            try await MixedCluster.with(
                [.ours, .v3_5, .ours],
                flags: { $0 < 2 ? ["--quota-backend-bytes=\(24 << 20)"] : [] }
            ) { cluster in
                for (full, other) in [(0, 1), (1, 2)] {
                    let (full, other) = (cluster.machines[full], cluster.machines[other])
                    try await Self.fill(full)
                    let list = try await Self.alarms(of: other)
                    #expect(list.alarms.map(\.alarm).contains(.nospace))
                    let refusal = await #expect(throws: EtcdClientError.self) {
                        try await other.etcd.put(.with { $0.key = Data("k".utf8) })
                    }
                    let words = "etcdserver: mvcc: database space exceeded"
                    #expect(refusal?.description.contains(words) == true, "\(refusal as Any)")
                    try await Self.makeRoom(cluster, asking: other)
                    try await cluster.progress()
                }
            }
        }

        /// Writes through a member until its store is full.
        private static func fill(_ machine: Machine) async throws {
            let value = Data(repeating: 120, count: 1 << 20)
            let request = PutRequest.with {
                $0.key = Data("big".utf8)
                $0.value = value
            }
            var refusal: String?
            for _ in 0..<100 where refusal == nil {
                do {
                    _ = try await machine.etcd.put(request)
                } catch {
                    refusal = error.description
                }
            }
            #expect(refusal?.contains("space exceeded") == true, "\(refusal ?? "never full")")
        }

        private static func alarms(of machine: Machine) async throws -> AlarmResponse {
            try await machine.etcd.alarm(.with { $0.action = .get })
        }

        /// Compacts, defragments every member and takes the alarms back.
        private static func makeRoom(_ cluster: MixedCluster, asking machine: Machine) async throws
        {
            _ = try await machine.etcd.deleteRange(.with { $0.key = Data("big".utf8) })
            let revision = try await machine.etcd.status().header.revision
            let compaction = CompactionRequest.with {
                $0.revision = revision
                $0.physical = true
            }
            _ = try await machine.etcd.compact(compaction, timeout: .seconds(20))
            for machine in cluster.machines {
                // Only the one that was asked has waited for the end of its compaction.
                try await eventually("\(machine.name) has room again", within: .seconds(30)) {
                    _ = try await machine.etcd.defragment(timeout: .seconds(20))
                    return try await machine.etcd.status().dbSize < 4 << 20
                }
            }
            for alarm in try await alarms(of: machine).alarms {
                let disarm = AlarmRequest.with {
                    $0.action = .deactivate
                    $0.memberID = alarm.memberID
                    $0.alarm = alarm.alarm
                }
                _ = try await machine.etcd.alarm(disarm)
            }
        }

        @Test func `members of both kinds are defragmented and check each other's data`()
            async throws
        {
            let flags = [
                "--experimental-initial-corrupt-check=true",
                "--experimental-corrupt-check-time=1s",
            ]
            try await MixedCluster.with([.v3_5, .ours, .ours], flags: { _ in flags }) { cluster in
                for leader in [0, 1] {
                    try await cluster.lead(cluster.machines[leader])
                    for machine in cluster.machines {
                        _ = try await machine.etcd.defragment(timeout: .seconds(20))
                        try await cluster.progress()
                    }
                }
                for machine in cluster.machines { try await cluster.bounce(machine) }
                let alarms = try await Self.alarms(of: cluster.machines[1])
                #expect(alarms.alarms.isEmpty)
                try await cluster.machines[0].waitForLog("initial corruption checking passed")
            }
        }
    }
}
