import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import TestKit
import Testing

extension EndToEndTests {
    /// The failure table with real processes of both engines, while clients write.
    ///
    /// Of real etcd 3.5.1 only members are killed whose data is thrown away: it may lose
    /// acknowledged writes then (etcd-io/etcd#13766).
    @Suite(.serialized, .enabled(if: Etcdctl.isThere, Etcdctl.missing), .timeLimit(.minutes(10)))
    struct HealingUnderLoadTests {
        @Test(arguments: [Kind.ours, .v3_4, .v3_5]) func `a wiped member is replaced`(
            kind: Kind
        ) async throws {
            try await LoadedCluster.with(kind) { loaded in
                let process = try loaded.process(of: "quickstart-1")
                try FileManager.default.removeItem(atPath: loaded.data(of: "quickstart-1"))
                kill(process, SIGKILL)
                try await loaded.settle(as: ["quickstart-0", "quickstart-2", "quickstart-3"])
            }
        }

        @Test(arguments: [Kind.ours, .v3_4, .v3_5]) func `a member with a corrupt log is replaced`(
            kind: Kind
        ) async throws {
            try await LoadedCluster.with(kind) { loaded in
                let process = try loaded.process(of: "quickstart-2")
                try Self.corrupt(loaded.data(of: "quickstart-2") + "/member/wal")
                kill(process, SIGKILL)
                try await loaded.settle(as: ["quickstart-0", "quickstart-1", "quickstart-3"])
                // What was damaged is kept.
                let trash = "\(loaded.cluster.stateDirectory)/clusters/default/quickstart/trash"
                #expect(fileNames(in: trash).count == 1)
            }
        }

        /// Turns bits near the beginning of the oldest log file, where there are whole records.
        private static func corrupt(_ folder: String) throws {
            let name = try #require(fileNames(in: folder).filter { $0.hasSuffix(".wal") }.min())
            // In place: the member still writes at the end of it.
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(folder)/\(name)"))
            try file.seek(toOffset: 300)
            let bytes = try #require(try file.read(upToCount: 40))
            try file.seek(toOffset: 300)
            try file.write(contentsOf: bytes.map { $0 ^ 0xFF })
            try file.close()
        }

        @Test(arguments: [Kind.ours, .v3_4]) func `a member that hangs is restarted`(
            kind: Kind
        ) async throws {
            try await LoadedCluster.with(kind, "settings: { electionTimeout: 500ms }") { loaded in
                let process = try loaded.process(of: "quickstart-0")
                kill(process, SIGSTOP)
                try await loaded.waitForEvent("MemberStopping")
                try await loaded.settle(as: ["quickstart-0", "quickstart-1", "quickstart-2"])
                #expect(try loaded.process(of: "quickstart-0") != process)
            }
        }

        @Test(arguments: [Kind.ours, .v3_4])
        func `rule 3: what was acknowledged survives the loss of the leader and a follower`(
            kind: Kind
        ) async throws {
            try await LoadedCluster.with(kind) { loaded in
                let leader = try #require(try loaded.status()["leader"] as? String)
                let names = (0..<3).map { "quickstart-\($0)" }
                let follower = try #require(names.first { $0 != leader })
                try await loaded.behindTheOperatorsBack {
                    // From here on whatever is acknowledged is on the leader and the third one.
                    kill(try loaded.process(of: follower), SIGSTOP)
                    try await loaded.progress()
                    try await loaded.end([leader, follower])
                    for name in [leader, follower] {
                        try FileManager.default.removeItem(atPath: loaded.data(of: name))
                    }
                }
                try await loaded.settle(as: (3..<6).map { "quickstart-\($0)" })
            }
        }

        @Test(arguments: [Kind.ours, .v3_4]) func `a full store gets room again`(
            kind: Kind
        ) async throws {
            try await LoadedCluster.with(kind, "storage: { quota: 16Mi }") { loaded in
                let endpoint = try await loaded.cluster.endpoints()[0]
                let client = EtcdClient(
                    endpoint: endpoint,
                    group: MultiThreadedEventLoopGroup.singleton
                )
                let value = Data(repeating: 120, count: 1 << 20)
                var refusal = ""
                for _ in 0..<100 where !refusal.contains("space exceeded") {
                    do {
                        _ = try await client.put(
                            .with {
                                $0.key = Data("big".utf8)
                                $0.value = value
                            },
                            timeout: .seconds(20)
                        )
                    } catch {
                        refusal = "\(error)"
                    }
                }
                #expect(refusal.contains("space exceeded"))
                await client.close()
                try await loaded.waitForEvent("AlarmTakenBack")
                try await loaded.progress()
            }
        }

        @Test(arguments: [Kind.ours, .v3_4, .v3_5]) func `a cluster grows and shrinks`(
            kind: Kind
        ) async throws {
            try await LoadedCluster.with(kind, replicas: 1) { loaded in
                try loaded.scale(to: 3)
                try await loaded.settle(as: (0..<3).map { "quickstart-\($0)" })
                try await loaded.progress()
                try loaded.scale(to: 2)
                // Who leads by then stays.
                let left = try await loaded.settle(with: 2)
                #expect(Set(left).isSubset(of: LoadedCluster.names(0, 1, 2)))
            }
        }
    }
}
