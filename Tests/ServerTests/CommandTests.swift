import EtcdClient
import EtcdProto
import Glibc
import Keyspace
import Member
import Server
import Storage
import TestKit
import Testing

extension RunningMembers {
    /// What `etcd-member` does for people besides being a member.
    @Suite(
        .timeLimit(.minutes(3)),
        .enabled(if: Programs.member != nil, "etcd-member is not beside the tests")
    )
    struct CommandTests {
        private let directory: ServerTests.TemporaryDirectory

        init() throws {
            directory = try ServerTests.TemporaryDirectory()
        }

        private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

        private func run(_ arguments: String...) async throws -> Program.Outcome {
            try await Program.run(
                try #require(Programs.member),
                arguments,
                directory: directory.path
            )
        }

        /// A bare database with some keys and a compaction.
        private func makeDatabase(_ name: String) throws {
            let backend = MemoryBackend()
            let keyspace = try Keyspace(backend: backend)
            for number in 0..<50 {
                var request = InternalRaftRequest()
                request.put = PutRequest("k\(number % 10)", "value \(number)")
                _ = keyspace.apply(request, index: UInt64(number) + 1, term: 1)
            }
            let batch = try #require(keyspace.sealBatch())
            try backend.commit(batch)
            let file = try FileDisk().open(path(name), .create)
            _ = try SnapshotFile.write(try backend.openView(), to: file)
            file.close()
        }

        private func flip(_ name: String, at offset: Int64) throws {
            let file = try FileDisk().open(path(name), .write)
            defer { file.close() }
            let byte = try #require(try file.read(at: offset, count: 1).first)
            try file.write([byte ^ 1], at: offset)
        }

        @Test func `a database is restored once it is said that it has no checksum`() async throws {
            try makeDatabase("bare.db")
            let refused = try await run("snapshot", "restore", "bare.db", "--data-dir", "d")
            #expect(refused.status == ExitCode.failure.rawValue)
            #expect(
                refused.errors.contains("snapshot missing hash but --skip-hash-check=false")
            )
            #expect(try FileDisk().status(path("d")) == nil)

            let arguments = ["snapshot", "restore", "bare.db", "--data-dir", "d"]
            let restored = try await Program.run(
                try #require(Programs.member),
                arguments + ["--skip-hash-check"],
                directory: directory.path
            )
            #expect(restored.status == 0)
            #expect(restored.output.contains("50 versions of keys"))
            #expect(restored.output.contains("revision 51"))
            let hash = try await run("hashkv", "bare.db")
            #expect(try await run("hashkv", "d").output == hash.output)
            #expect(try await run("check", "store", "d").output.hasSuffix("verdict: good\n"))
            #expect(try await run("check", "wal", "d").output.hasSuffix("verdict: good\n"))
            let again = try await run(
                "snapshot",
                "restore",
                "bare.db",
                "--data-dir",
                "d",
                "--skip-hash-check"
            )
            #expect(again.status == ExitCode.dataDirectory.rawValue)
            #expect(again.errors.contains("not empty or could not be read"))
        }

        @Test func `what a restore that was cut off has left is no hindrance`() async throws {
            try makeDatabase("bare.db")
            try FileDisk().createDirectory(path("d.restoring/member/store"))
            let file = try FileDisk().open(path("d.restoring/member/store/data.mdb"), .create)
            file.close()
            let restored = try await run(
                "snapshot",
                "restore",
                "bare.db",
                "--data-dir",
                "d",
                "--skip-hash-check"
            )
            #expect(restored.status == 0)
            #expect(try FileDisk().status(path("d.restoring")) == nil)
        }

        @Test func `damage is found and named, and a damaged file is not restored`() async throws {
            try makeDatabase("bare.db")
            #expect(try await run("check", "snapshot", "bare.db").status == 0)
            // Every page but the first two, which are there twice, is of no number any more.
            let size = try #require(try FileDisk().status(path("bare.db"))?.size)
            for page in stride(from: Int64(8192), to: size, by: 4096) {
                try flip("bare.db", at: page)
            }
            let checked = try await run("check", "snapshot", "bare.db")
            #expect(checked.status == ExitCode.corruption.rawValue)
            let restored = try await run(
                "snapshot",
                "restore",
                "bare.db",
                "--data-dir",
                "d",
                "--skip-hash-check"
            )
            #expect(restored.status == ExitCode.corruption.rawValue)
            #expect(restored.errors.contains("is damaged at page"))
            #expect(try FileDisk().status(path("d")) == nil)

            let file = try FileDisk().open(path("text"), .create)
            try file.write(Array("not a database at all".utf8), at: 0)
            file.close()
            let text = try await run("snapshot", "status", "text")
            #expect(text.status == ExitCode.corruption.rawValue)
            #expect(text.errors.contains("no whole meta page"))
        }

        @Test func `damage of a member's files is found and named`() async throws {
            try makeDatabase("bare.db")
            _ = try await run(
                "snapshot",
                "restore",
                "bare.db",
                "--data-dir",
                "d",
                "--skip-hash-check"
            )
            let segment = "d/member/wal/0000000000000000-0000000000000000.wal"
            try flip(segment, at: 150)
            let log = try await run("check", "wal", "d")
            #expect(log.status == ExitCode.corruption.rawValue)
            #expect(log.output.contains("DAMAGED"))
            #expect(log.output.contains("at byte"))

            let data = "d/member/store/data.mdb"
            let size = try #require(try FileDisk().status(path(data))?.size)
            for page in stride(from: Int64(8192), to: size, by: 4096) {
                for offset in 0..<64 { try flip(data, at: page + 16 + Int64(offset)) }
            }
            let store = try await run("check", "store", "d")
            #expect(store.status == ExitCode.corruption.rawValue)
        }

        @Test func `what is wrong with a command line is said`() async throws {
            let unknown = try await run("snapshot", "stats", "x")
            #expect(unknown.status == ExitCode.configuration.rawValue)
            #expect(unknown.errors.contains("commands are: snapshot status, snapshot restore"))
            let flag = try await run("snapshot", "restore", "x", "--bump-revison", "1")
            #expect(flag.errors.contains("did you mean --bump-revision?"))
            let alone = try await run("snapshot", "restore", "x", "--mark-compacted")
            #expect(alone.errors.contains("--mark-compacted requires --bump-revision"))
            let absent = try await run("check", "wal", "nowhere")
            #expect(absent.errors.contains("nowhere"))
            let help = try await run("snapshot", "--help")
            #expect(help.status == 0)
            #expect(help.output.contains("--skip-hash-check"))
        }

        @Test(.realEtcd)
        func `a saved snapshot of a real etcd has the same status and is restored`() async throws {
            try await RealEtcd.with(data: path("real")) { etcd in
                for number in 0..<30 { try await etcd.control(["put", "k\(number % 7)", "v"]) }
                try await etcd.control(["del", "k3"])
                try await etcd.control(["compact", "20"])
                try await etcd.control(["snapshot", "save", path("saved.db")])
            }
            for format in ["simple", "table", "json", "fields"] {
                let theirs = try await RealEtcd.control([
                    "snapshot", "status", path("saved.db"), "-w", format,
                ])
                let ours = try await run("snapshot", "status", "saved.db", "-w", format)
                #expect(ours.output == theirs.output, "\(format)")
            }
            let restored = try await run("snapshot", "restore", "saved.db", "--data-dir", "d")
            #expect(restored.status == 0)
            let hash = try await run("hashkv", "saved.db")
            #expect(try await run("hashkv", "d").output == hash.output)

            try flip("saved.db", at: 9_000)
            let damaged = try await run("snapshot", "restore", "saved.db", "--data-dir", "e")
            #expect(damaged.status == ExitCode.corruption.rawValue)
            #expect(damaged.errors.contains("expected sha256"))
            #expect(try FileDisk().status(path("e")) == nil)
        }
    }
}
