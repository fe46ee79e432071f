import EtcdClient
import EtcdProto
import Foundation
import Glibc
import Keyspace
import Member
import Raft
import Server
import Storage
import SwiftProtobuf
import TestKit
import Testing

extension RunningMembers {
    /// A cluster whose majority is gone for good, and what its last member is good for.
    @Suite(
        .timeLimit(.minutes(3)),
        .enabled(if: Programs.member != nil, "etcd-member is not beside the tests")
    )
    struct LostQuorumTests {
        private let directory: ServerTests.TemporaryDirectory

        init() throws {
            directory = try ServerTests.TemporaryDirectory()
        }

        private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

        private func run(_ arguments: [String]) throws -> ChildProcess.Outcome {
            try ChildProcess.run(try #require(Programs.member), arguments, in: directory.path)
        }

        private func copy(_ from: String, _ name: String) throws -> String {
            let done = try ChildProcess.run(
                "/bin/cp",
                ["-a", from, path(name)],
                in: directory.path
            )
            try #require(done.status == 0, "\(done.errors)")
            return path(name)
        }

        private func value(of key: String, in snapshot: String) throws -> [String] {
            let view = try SnapshotView(of: try FileDisk().open(snapshot, .read))
            let keyspace = try Keyspace(backend: ReadOnlyBackend(view))
            return try keyspace.range(RangeRequest(key)).values
        }

        @Test func `safety rule 3, what was acknowledged survives the loss of a majority`()
            async throws
        {
            try await TestCluster.with(size: 3) { cluster in
                try await cluster.startAll()
                let leader = try await cluster.leader()
                let others = (0..<3).filter { $0 != leader }
                let (survivor, stale) = (others[0], others[1])
                _ = try await cluster.client(leader).put(PutRequest("early", "1"))
                await cluster.kill(stale)
                // From here on two of three know it, and one of these two is left.
                _ = try await cluster.client(leader).put(PutRequest("late", "acknowledged"))
                await cluster.kill(leader)
                await cluster.kill(survivor)
                let disk = FileDisk()
                try disk.removeAll(await cluster.dataDirectory(leader))

                var left: [Survivor] = []
                for index in others {
                    left.append(
                        try Survivor.read(
                            dataDirectory: await cluster.dataDirectory(index),
                            on: disk
                        )
                    )
                }
                #expect(left[0] > left[1])
                let identity = left[0]
                let data = await cluster.dataDirectory(survivor)
                try salvages(data, identity)

                try await cluster.start(survivor, extra: ["--force-new-cluster"])
                let client = await cluster.client(survivor)
                let found = try await client.range(RangeRequest("late"))
                #expect(found.values == ["acknowledged"])
                #expect(found.header.clusterID == identity.clusterID)
                #expect(found.header.memberID == identity.memberID)
                let members = try await client.memberList()
                #expect(members.members.map(\.id) == [identity.memberID])
                _ = try await client.put(PutRequest("later", "2"))
                // It stays so without the flag.
                await cluster.kill(survivor)
                try await cluster.start(survivor)
                let again = try await cluster.client(survivor).range(RangeRequest("later"))
                #expect(again.values == ["2"])
                #expect(cluster.failures.all.isEmpty)
            }
        }

        /// From a copy, by the program; the copy is of no use for a member then.
        private func salvages(_ data: String, _ identity: Survivor) throws {
            let copy = try copy(data, "copy.etcd")
            let file = path("salvaged.db")
            let arguments = ["snapshot", "salvage", "--data-dir", copy, "--output", file]
            let salvaged = try run(arguments + ["-w", "json"])
            try #require(salvaged.status == 0, "\(salvaged.errors)")
            let said = try #require(
                try JSONSerialization.jsonObject(with: Data(salvaged.output.utf8))
                    as? [String: Any]
            )
            #expect(said["raftIndex"] as? UInt64 == identity.last.index)
            #expect(said["raftTerm"] as? UInt64 == identity.last.term)
            #expect(said["entriesCommitted"] as? UInt64 == identity.undecidedEntries)
            #expect(said["keys"] as? Int == 2)
            #expect(said["revision"] as? Int == 3)
            #expect(said["memberID"] as? String == String(identity.memberID, radix: 16))
            #expect(said["clusterID"] as? String == String(identity.clusterID, radix: 16))
            #expect(try value(of: "late", in: file) == ["acknowledged"])
            let status = try run(["snapshot", "status", file, "-w", "json"])
            #expect(status.output.contains("\"hash\":\(said["hash"] as? Int ?? -1),"))
            let hash = try run(["hashkv", file, "-w", "json"])
            #expect(hash.output.contains("\"hash\":\(said["hashKV"] as? Int ?? -1),"))

            let twice = try run(arguments)
            #expect(twice.status == ExitCode.dataDirectory.rawValue)
            #expect(twice.errors.contains("salvaged.db exists"))
            let started = try run(["--data-dir=\(copy)"])
            #expect(started.status == ExitCode.retired.rawValue)
            #expect(started.errors.contains("a snapshot was salvaged from these files"))
            // Not the original.
            #expect(try FileDisk().status(data + "/retired") == nil)
            // What a directory is stamped for does not keep its keys from being got out again.
            try FileDisk().removeAll(file)
            #expect(try run(arguments).status == 0)
            #expect(try value(of: "late", in: file) == ["acknowledged"])
        }

        @Test func `a retired directory says why, and nothing in it is touched`() throws {
            try FileDisk().createDirectory(path("old"))
            let stamp = RetiredStamp(
                why: "the majority of default/orders was lost",
                when: "2026-11-22T10:15:00Z",
                incarnation: "cluster 5c1f"
            )
            try stamp.write(toDataDirectory: path("old"), on: FileDisk())
            for extra in [[], ["--force-new-cluster"]] {
                let started = try run(["--data-dir=\(path("old"))"] + extra)
                #expect(started.status == ExitCode.retired.rawValue)
                for text in [
                    "is retired since 2026-11-22T10:15:00Z", "kept only for safety",
                    "the majority of default/orders was lost", "its data lives on in cluster 5c1f",
                ] {
                    #expect(started.errors.contains(text), "\(started.errors)")
                }
            }
            #expect(try FileDisk().list(path("old")) == ["retired"])
        }

        @Test func `a salvage says what it misses`() throws {
            try FileDisk().createDirectory(path("empty"))
            let output = path("out.db")
            let nothing = try run([
                "snapshot", "salvage", "--data-dir", path("empty"), "--output", output,
            ])
            #expect(nothing.status == ExitCode.dataDirectory.rawValue)
            #expect(nothing.errors.contains("there is no log"))
            #expect(try FileDisk().list(path("empty")).isEmpty)
            let unnamed = try run(["snapshot", "salvage", "--output", output])
            #expect(unnamed.errors.contains("--data-dir is missing"))
            let surplus = try run(["snapshot", "salvage", "x"])
            #expect(surplus.errors.contains("takes flags only, not 'x'"))
            try FileDisk().createDirectory(path("theirs/member/snap"))
            try FileDisk().replace(path("theirs/member/snap/db"), with: [1])
            let theirs = try run([
                "snapshot", "salvage", "--data-dir", path("theirs"), "--output", output,
            ])
            #expect(theirs.status == ExitCode.foreignData.rawValue)
            let ours = try run(["wal", "raise-commit", path("empty")])
            #expect(ours.status == ExitCode.foreignData.rawValue)
            #expect(ours.errors.contains("not the data directory of a real etcd"))
        }
    }
}
