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
    /// What this program does to files so that a real etcd can go on from them.
    @Suite(
        .timeLimit(.minutes(3)),
        .enabled(
            if: Programs.member != nil && !EtcdTools.all.isEmpty,
            "skipped: needs etcd-member beside the tests, and a real etcd"
        )
    )
    struct UpstreamRecoveryTests {
        private let directory: ServerTests.TemporaryDirectory

        init() throws {
            directory = try ServerTests.TemporaryDirectory()
        }

        private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

        /// An etcd on a data directory of its name.
        private struct Etcd {
            let tools: EtcdTools
            let process: ChildProcess
            let client: String
            let directory: String

            /// What etcdctl says, which must succeed.
            @discardableResult
            func control(_ arguments: String...) throws -> String {
                let outcome = try tool(arguments)
                try #require(outcome.status == 0, "etcdctl \(arguments): \(outcome.errors)")
                return outcome.output
            }

            func tool(_ arguments: [String]) throws -> ChildProcess.Outcome {
                try ChildProcess.run(
                    tools.etcdctl,
                    ["--endpoints", client] + arguments,
                    in: directory
                )
            }

            /// Hash and compacted revision.
            func hash() throws -> String {
                let said = try control("endpoint", "hashkv", "-w=json")
                let hash = try #require(said.firstMatch(of: #/"hash":(\d+)/#)).1
                let compacted = try #require(said.firstMatch(of: #/"compact_revision":(\d+)/#)).1
                return "\(hash) compacted \(compacted)"
            }

            func end(_ number: Int32) {
                process.signal(number)
                _ = process.wait()
            }
        }

        private func start(
            _ tools: EtcdTools,
            _ name: String,
            peer: Int,
            cluster: String? = nil,
            extra: [String] = []
        ) async throws -> Etcd {
            let client = "http://127.0.0.1:\(FreePorts.find(1)[0])"
            let url = "http://127.0.0.1:\(peer)"
            let log = path("\(name).log")
            try FileDisk().removeAll(log)
            let process = try ChildProcess(
                tools.etcd,
                [
                    "--name=\(name)", "--data-dir=\(path(name))",
                    "--listen-client-urls=\(client)", "--advertise-client-urls=\(client)",
                    "--listen-peer-urls=\(url)", "--initial-advertise-peer-urls=\(url)",
                    "--initial-cluster=\(cluster ?? "\(name)=\(url)")",
                    "--heartbeat-interval=20", "--election-timeout=200",
                ] + extra,
                output: log
            )
            return Etcd(
                tools: tools,
                process: process,
                client: client,
                directory: directory.path
            )
        }

        private func waits(for etcd: Etcd) async throws {
            let isUp = try await etcd.process.waits(for: "ready to serve client requests")
            try #require(isUp, "\(etcd.process.output)")
        }

        private func run(_ arguments: [String]) throws -> String {
            let outcome = try member(arguments)
            try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
            return outcome.output
        }

        private func member(_ arguments: [String]) throws -> ChildProcess.Outcome {
            try ChildProcess.run(try #require(Programs.member), arguments, in: directory.path)
        }

        private func copy(_ from: String, _ to: String) throws {
            let done = try ChildProcess.run(
                "/bin/cp",
                ["-a", path(from), path(to)],
                in: directory.path
            )
            try #require(done.status == 0, "\(done.errors)")
        }

        /// Adds to an etcd's log what a leader has sent it, and others have acknowledged: a second
        /// member, and a key. The commit index does not cover it.
        private func receive(_ name: String) throws -> LogIndex {
            let other = MemberInfo(id: MemberID(rawValue: 0xB), peerURLs: ["http://127.0.0.1:9"])
            var put = InternalRaftRequest()
            put.header.id = 77
            put.put = PutRequest("late", "acknowledged")
            let change = ConfChange(kind: .addNode, node: other.id.node, context: other.json)
            let (wal, contents) = try WAL.open(
                on: FileDisk(),
                directory: path("\(name)/member/wal")
            )
            defer { wal.close() }
            let term = try #require(contents.entries.last?.term)
            let end = contents.lastIndex
            #expect(contents.hardState.commit == end)
            try wal.append(
                [
                    Entry(
                        term: term,
                        index: end + 1,
                        kind: .confChange,
                        data: change.encoded()
                    ),
                    Entry(term: term, index: end + 2, data: try put.serializedBytes()),
                ],
                hardState: nil
            )
            try wal.sync()
            return end + 2
        }

        @Test(arguments: EtcdTools.all)
        func `safety rule 3, a real etcd keeps what its log has above the commit index`(
            tools: EtcdTools
        ) async throws {
            let ports = FreePorts.find(1)
            let first = try await start(tools, "survivor", peer: ports[0])
            try await waits(for: first)
            try first.control("put", "early", "1")
            let busy = try member(["wal", "raise-commit", path("survivor")])
            #expect(busy.status == ExitCode.locked.rawValue)
            first.end(SIGTERM)
            let end = try receive("survivor")
            let found = try Survivor.read(dataDirectory: path("survivor"), on: FileDisk())
            #expect(found.engine == .etcd)
            #expect(found.last.index == end.rawValue)
            #expect(found.undecidedEntries == 2)

            // As it is, an etcd that is forced forgets the key.
            try copy("survivor", "forgets")
            try copy("survivor", "remembers")
            let forgets = try await start(
                tools,
                "forgets",
                peer: FreePorts.find(1)[0],
                extra: ["--force-new-cluster"]
            )
            let said = try run([
                "wal", "raise-commit", path("remembers"), "-w", "json",
            ])
            #expect(said.contains("\"raftIndex\":\(end),"))
            #expect(said.contains("\"entriesCommitted\":2,"))
            let remembers = try await start(
                tools,
                "remembers",
                peer: FreePorts.find(1)[0],
                extra: ["--force-new-cluster"]
            )
            try await waits(for: forgets)
            #expect(try forgets.control("get", "early", "--print-value-only") == "1\n")
            #expect(try forgets.control("get", "late", "--print-value-only").isEmpty)
            try await waits(for: remembers)
            #expect(
                try remembers.control("get", "late", "--print-value-only")
                    == "acknowledged\n"
            )
            let members = try remembers.control("member", "list").split(separator: "\n")
            #expect(members.count == 1)
            #expect(members.first?.hasPrefix(String(found.memberID, radix: 16)) == true)
            try remembers.control("snapshot", "save", path("saved.db"))
            let view = try SnapshotView(of: try FileDisk().open(path("saved.db"), .read))
            let keyspace = try Keyspace(backend: ReadOnlyBackend(view))
            #expect(try keyspace.range(RangeRequest("late")).values == ["acknowledged"])
            forgets.end(SIGKILL)
            remembers.end(SIGKILL)
        }

        /// A saved snapshot with some history: versions, deletions, a compaction, a lease.
        private func makeSnapshot() throws {
            let backend = MemoryBackend()
            let keyspace = try Keyspace(backend: backend)
            var index: UInt64 = 0
            func apply(_ fill: (inout InternalRaftRequest) -> Void) {
                index += 1
                var request = InternalRaftRequest()
                fill(&request)
                _ = keyspace.apply(request, index: index, term: 7)
            }
            apply {
                $0.leaseGrant.id = 5
                $0.leaseGrant.ttl = 3_000
            }
            for number in 0..<600 {
                apply { $0.put = PutRequest("k\(number % 200)", "value \(number)") }
            }
            apply {
                $0.put = PutRequest("leased", "x")
                $0.put.lease = 5
            }
            apply { $0.compaction.revision = 300 }
            apply { $0.deleteRange.key = Data("k3".utf8) }
            while keyspace.compactStep() == .working {}
            let batch = try #require(keyspace.sealBatch())
            try backend.commit(batch)
            let file = try FileDisk().open(path("saved.db"), .create)
            defer { file.close() }
            _ = try SnapshotFile.write(try backend.openView(), to: file)
            try SnapshotChecksum.append(to: file)
        }

        private func restore(_ name: String, _ cluster: String, _ peer: Int, _ form: String)
            throws -> String
        {
            try run([
                "snapshot", "restore", path("saved.db"), "--backend", form, "--name", name,
                "--data-dir", path(form == "bbolt" ? name : "\(name).\(form)"),
                "--initial-cluster", cluster, "--initial-cluster-token", "restored",
                "--initial-advertise-peer-urls", "http://127.0.0.1:\(peer)",
                "--bump-revision", "1000", "--mark-compacted", "-w", "json",
            ])
        }

        @Test(arguments: EtcdTools.all)
        func `a real etcd starts on what is restored for it, and others join`(
            tools: EtcdTools
        ) async throws {
            try makeSnapshot()
            let ports = FreePorts.find(3)
            let cluster = "a=http://127.0.0.1:\(ports[0]),b=http://127.0.0.1:\(ports[1])"
            let said = try restore("a", cluster, ports[0], "bbolt")
            _ = try restore("b", cluster, ports[1], "bbolt")
            #expect(said.contains("\"revision\":1603,"))
            #expect(said.contains("\"backend\":\"bbolt\""))
            #expect(try FileDisk().list(path("a/member")) == ["snap", "wal"])
            // Else a member can be added only when the others have been connected for five seconds.
            let lax = ["--strict-reconfig-check=false"]
            let a = try await start(tools, "a", peer: ports[0], cluster: cluster, extra: lax)
            let b = try await start(tools, "b", peer: ports[1], cluster: cluster, extra: lax)
            try await waits(for: a)
            try await waits(for: b)
            let got = try a.control("get", "k7", "-w=fields")
            #expect(got.contains("\"Revision\" : 1603"))
            #expect(got.contains("\"Value\" : \"value 407\""))
            #expect(try b.control("get", "k3").isEmpty)
            #expect(
                try b.control("get", "k", "--prefix", "--limit=1", "-w=fields")
                    .contains("\"Count\" : 199")
            )
            let early = try a.tool(["get", "k7", "--rev=1500"])
            #expect(early.errors.contains("required revision has been compacted"))
            let lease = try a.control("lease", "timetolive", "5", "--keys")
            #expect(lease.contains("leased"), "\(lease)")
            let identity = try a.control("member", "list", "-w=json")
            let id = try #require(said.firstMatch(of: #/"clusterID":"([0-9a-f]+)"/#)).1
            let number = try #require(UInt64(id, radix: 16))
            #expect(identity.contains("\"cluster_id\":\(number),"))

            // The same rows as in our own form.
            _ = try restore("a", cluster, ports[0], "lmdb")
            let ours = try run(["hashkv", path("a.lmdb"), "-w", "json"])
            let theirs = try run(["hashkv", path("a/member/snap/db"), "-w", "json"])
            #expect(ours.contains("\"hashRevision\":1603,"))
            #expect(theirs == ours)

            try a.control("put", "after", "restore")
            try a.control("member", "add", "c", "--peer-urls=http://127.0.0.1:\(ports[2])")
            let c = try await start(
                tools,
                "c",
                peer: ports[2],
                cluster: "\(cluster),c=http://127.0.0.1:\(ports[2])",
                extra: ["--initial-cluster-state=existing"]
            )
            try await waits(for: c)
            #expect(try c.control("get", "after", "--print-value-only") == "restore\n")
            #expect(try c.control("get", "k7", "--print-value-only") == "value 407\n")
            #expect(try b.control("get", "after", "--print-value-only") == "restore\n")
            let hashes = [try a.hash(), try b.hash(), try c.hash()]
            #expect(hashes[0] == hashes[1])
            #expect(hashes[0] == hashes[2])
            #expect(hashes[0].hasSuffix("compacted 1603"))
            for etcd in [a, b, c] { etcd.end(SIGKILL) }
        }
    }
}
