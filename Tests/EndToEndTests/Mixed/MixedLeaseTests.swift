import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import SwiftProtobuf
import TestKit
import Testing

extension EndToEndTests {
    /// Leases of a cluster of both kinds, kept alive while its leader becomes one of the other
    /// kind.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct MixedLeaseTests {
        @Test func `a lease lives while it is kept alive and ends in time, whoever leads`()
            async throws
        {
            try await MixedCluster.with([.v3_5, .ours, .ours]) { cluster in
                let (real, ours) = (cluster.machines[0], cluster.machines[1])
                // Granted by one, kept alive through the other, under a leader that becomes a
                // third.
                for (granting, keeping, first, second) in [
                    (real, ours, real, ours), (ours, real, ours, real),
                ] {
                    try await cluster.lead(first)
                    for machine in cluster.machines { try await Self.checkLeases(of: machine) }
                    let lease = try await granting.etcd.leaseGrant(ttl: 3).id
                    let key = "leased by \(granting.kind)"
                    _ = try await granting.etcd.put(
                        .with {
                            $0.key = Data(key.utf8)
                            $0.value = Data("\(lease)".utf8)
                            $0.lease = lease
                        }
                    )
                    let keeper = try Self.keepAlive(lease, through: keeping)
                    defer { keeper.signal(SIGKILL) }
                    try await Self.wait(for: 2, of: keeper)
                    try await cluster.lead(second)
                    // By now it would have ended, had the new leader not heard of it.
                    try await Self.wait(for: 6, of: keeper)
                    #expect(try await Self.isThere(key, at: granting))
                    keeper.signal(SIGKILL)
                    try await keeper.waitForExit()
                    let silent = ContinuousClock.now
                    for machine in cluster.machines {
                        try await eventually("\(key) goes from \(machine.name)") {
                            try await !Self.isThere(key, at: machine)
                        }
                    }
                    // The last answer may be a third of its time old.
                    let lasted = ContinuousClock.now - silent
                    #expect(lasted > .milliseconds(1_500) && lasted < .seconds(12), "\(lasted)")
                    let left = try await keeping.etcd.leaseTimeToLive(lease)
                    #expect(left.ttl == -1)
                }
            }
        }

        /// What one member says about a lease from its beginning to its end, whoever leads.
        private static func checkLeases(of machine: Machine) async throws {
            let lease = try await machine.etcd.leaseGrant(ttl: 600).id
            _ = try await machine.etcd.put(
                .with {
                    $0.key = Data("held".utf8)
                    $0.lease = lease
                }
            )
            let state = try await machine.etcd.leaseTimeToLive(lease, keys: true)
            #expect(state.grantedTtl == 600 && state.ttl > 590, "\(state)")
            #expect(state.keys == [Data("held".utf8)])
            #expect(try await machine.etcd.leaseLeases().leases.map(\.id).contains(lease))
            _ = try await machine.etcd.leaseRevoke(lease)
            #expect(try await machine.etcd.leaseTimeToLive(lease).ttl == -1)
            #expect(try await !Self.isThere("held", at: machine))
            let again = await #expect(throws: EtcdClientError.self) {
                try await machine.etcd.leaseRevoke(lease)
            }
            #expect(again?.description.contains("requested lease not found") == true)
        }

        private static func keepAlive(_ lease: Int64, through machine: Machine) throws -> Program {
            try Program(
                try EtcdRelease.v3_5.tool("etcdctl"),
                [
                    "--endpoints=\(machine.client)", "lease", "keep-alive",
                    String(lease, radix: 16),
                ]
            )
        }

        /// Waits for so many answers.
        private static func wait(for count: Int, of keeper: Program) async throws {
            try await eventually("\(count) answers", within: .seconds(30)) {
                guard keeper.isRunning else { throw Ended(output: keeper.output + keeper.errors) }
                return keeper.output.split(separator: "\n").count >= count
            }
        }

        struct Ended: Error {
            let output: String
        }

        private static func isThere(_ key: String, at machine: Machine) async throws -> Bool {
            let request = RangeRequest.with {
                $0.key = Data(key.utf8)
                $0.serializable = true
            }
            return try await !machine.etcd.range(request).kvs.isEmpty
        }
    }
}
