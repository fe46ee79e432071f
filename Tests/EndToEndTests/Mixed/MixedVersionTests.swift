import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import SwiftProtobuf
import TestKit
import Testing

extension EndToEndTests {
    /// Which version a cluster of both kinds has, and who may join it.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct MixedVersionTests {
        @Test func `a cluster has the version of its lowest member and can go back to it`()
            async throws
        {
            try await MixedCluster.with(
                [.ours, .v3_5, .ours],
                flags: { $0 == 1 ? [] : ["--compatibility=3.6"] }
            ) { cluster in
                let (ours, real) = (cluster.machines[0], cluster.machines[1])
                for machine in cluster.machines {
                    try await Self.wait(for: "3.5.0", at: machine)
                    let stored = try await machine.etcd.status().storageVersion
                    #expect(stored == (machine === real ? "" : "3.5.0"))
                }
                #expect(try await ours.versions().server.hasPrefix("3.6."))

                // Without etcd 3.5 nothing holds the cluster back any more.
                try await cluster.lead(real)
                try await cluster.remove(real)
                for machine in cluster.machines {
                    try await Self.wait(for: "3.6.0", at: machine)
                    #expect(try await machine.etcd.status().storageVersion == "3.6.0")
                }
                let late = try await cluster.announce(.v3_5)
                try cluster.start(late)
                #expect(try await late.waitForEnd() != 0)
                #expect(late.log.contains("incompatible with current running cluster"))
                let list = try await ours.etcd.memberList()
                let id = list.members.first { $0.peerUrls == [late.peer] }?.id ?? 0
                try await cluster.remove(MemberID(rawValue: id), of: late)

                // Downgraded, it takes etcd 3.5 in again.
                let leader = try await cluster.leader()
                let request = DowngradeRequest.with {
                    $0.action = .enable
                    $0.version = "3.5.0"
                }
                let _: DowngradeResponse = try await leader.etcd.call(
                    "Maintenance/Downgrade",
                    request,
                    timeout: .seconds(20)
                )
                for machine in cluster.machines {
                    try await Self.wait(for: "3.5.0", at: machine)
                    #expect(try await machine.etcd.status().storageVersion == "3.5.0")
                    try await cluster.bounce(machine, flags: ["--compatibility=3.5"])
                }
                try await cluster.join(.v3_5)
            }
        }

        private static func wait(for version: String, at machine: Machine) async throws {
            try await eventually("\(machine.name) is in a cluster of \(version)") {
                try await machine.versions().cluster == version
            }
        }

        @Test func `etcd 3_4 goes on by itself where ours would join it`() async throws {
            try await MixedCluster.with([.v3_4]) { cluster in
                try await Self.wait(for: "3.4.0", at: cluster.machines[0])
                let ours = try await cluster.announce(.ours)
                try cluster.start(ours)
                #expect(try await ours.waitForEnd() == 77)
                #expect(ours.log.contains("incompatible with current running cluster"))
                let list = try await cluster.machines[0].etcd.memberList()
                let id = list.members.first { $0.peerUrls == [ours.peer] }?.id ?? 0
                try await cluster.remove(MemberID(rawValue: id), of: ours)
            }
        }
    }
}
