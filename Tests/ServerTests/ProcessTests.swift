import EtcdClient
import EtcdProto
import Glibc
import NIOCore
import NIOPosix
import Server
import Storage
import Testing

extension RunningMembers {
    /// The program as a whole: how it starts, how it ends, and what it says then.
    @Suite(
        .timeLimit(.minutes(3)),
        .enabled(if: Programs.member != nil, "etcd-member is not beside the tests")
    )
    struct ProcessTests {
        private let directory: TemporaryDirectory
        private let ports = FreePorts.find(2)

        init() throws {
            directory = try TemporaryDirectory()
        }

        private var data: String { directory.path + "/a.etcd" }

        private func start(
            _ extra: [String] = [],
            ports: [Int]? = nil,
            log: String = "log"
        ) throws -> ChildProcess {
            let ports = ports ?? self.ports
            return try ChildProcess(
                try #require(Programs.member),
                [
                    "--name=a", "--data-dir=\(data)",
                    "--listen-client-urls=http://127.0.0.1:\(ports[0])",
                    "--advertise-client-urls=http://127.0.0.1:\(ports[0])",
                    "--listen-peer-urls=http://127.0.0.1:\(ports[1])",
                    "--initial-advertise-peer-urls=http://127.0.0.1:\(ports[1])",
                    "--initial-cluster=a=http://127.0.0.1:\(ports[1])",
                ] + extra,
                output: "\(directory.path)/\(log)"
            )
        }

        private func client() -> EtcdClient {
            EtcdClient(
                endpoint: "http://127.0.0.1:\(ports[0])",
                group: MultiThreadedEventLoopGroup.singleton
            )
        }

        @Test func `it says when it serves and stops cleanly when told`() async throws {
            let member = try start()
            #expect(try await member.waits(for: "ready to serve client requests"))
            let client = client()
            _ = try await client.put(PutRequest("a", "1"))
            member.signal(SIGTERM)
            #expect(member.wait() == ExitCode.stopped.rawValue)
            #expect(member.output.contains("\"msg\":\"stopped\""))
            await client.close()
        }

        @Test func `kill -9 under load loses nothing that was acknowledged`() async throws {
            for round in 0..<5 {
                let member = try start(log: "log\(round)")
                #expect(try await member.waits(for: "ready to serve client requests"))
                let client = client()
                let before = try await client.range(RangeRequest("k\(round - 1)"))
                if round > 0 { #expect(before.values == ["99"]) }
                for number in 0..<100 {
                    _ = try await client.put(PutRequest("k\(round)", "\(number)"))
                }
                member.signal(SIGKILL)
                #expect(member.wait() == -SIGKILL)
                await client.close()
            }
        }

        @Test func `a port in use is named and nothing is left behind`() async throws {
            let holder = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: ports[0])
                .get()
            let member = try start()
            #expect(member.wait() == ExitCode.addressInUse.rawValue)
            #expect(member.output.contains("cannot listen on http://127.0.0.1:\(ports[0])"))
            #expect(member.output.contains("Address already in use (errno 98)"))
            #expect(try FileDisk().status(data) == nil)
            try await holder.close()
        }

        @Test func `a data directory in use is locked`() async throws {
            let first = try start()
            #expect(try await first.waits(for: "ready to serve client requests"))
            let second = try start(ports: FreePorts.find(2), log: "second")
            #expect(second.wait() == ExitCode.locked.rawValue)
            #expect(second.output.contains("another process holds the lock"))
            first.signal(SIGKILL)
            _ = first.wait()
        }

        @Test func `a damaged log is corruption with file and offset`() async throws {
            let first = try start()
            #expect(try await first.waits(for: "ready to serve client requests"))
            let client = client()
            for number in 0..<20 { _ = try await client.put(PutRequest("k", "value \(number)")) }
            await client.close()
            first.signal(SIGKILL)
            _ = first.wait()
            let disk = FileDisk()
            let folder = data + "/member/wal"
            let name = try #require(try disk.list(folder).first { $0.hasSuffix(".wal") })
            let file = try disk.open(folder + "/" + name, .write)
            try file.write([0x55, 0x55, 0x55, 0x55], at: 600)
            file.close()
            let second = try start(log: "second")
            #expect(second.wait() == ExitCode.corruption.rawValue)
            #expect(second.output.contains(name))
        }

        @Test(
            arguments: [
                (["--nme=x"], ExitCode.configuration, "did you mean --name?"),
                (["--data-dir=/proc/nowhere/a"], .dataDirectory, "/proc/nowhere"),
                (
                    ["--initial-cluster=b=http://127.0.0.1:1"], .configuration,
                    "couldn't find local name"
                ),
                (
                    ["--initial-cluster-state=existing"], .bootstrapRefused,
                    "cannot fetch cluster info from peer urls"
                ),
            ]
        )
        func `a start that cannot be ends with its code and one line`(
            extra: [String],
            code: ExitCode,
            text: String
        ) throws {
            let member = try start(extra)
            #expect(member.wait() == code.rawValue)
            #expect(member.output.contains(text), "\(member.output)")
        }

        @Test func `who waits for the others in vain says that it serves`() async throws {
            let others = "b=http://127.0.0.1:1,c=http://127.0.0.1:2"
            let member = try start([
                "--initial-cluster=a=http://127.0.0.1:\(ports[1]),\(others)",
                "--wait-cluster-ready-timeout=300ms",
            ])
            #expect(try await member.waits(for: "timed out waiting for the ready notification"))
            #expect(try await member.waits(for: "ready to serve client requests"))
            let client = client()
            let local = try await client.range(RangeRequest("k", serializable: true))
            #expect(local.kvs.isEmpty)
            member.signal(SIGKILL)
            _ = member.wait()
            await client.close()
        }

        @Test func `systemd is told when the member serves`() async throws {
            let path = "\(directory.path)/notify"
            let socket = try DatagramSocket(at: path)
            let member = try ChildProcess(
                try #require(Programs.member),
                [
                    "--data-dir=\(data)", "--listen-client-urls=http://127.0.0.1:\(ports[0])",
                    "--advertise-client-urls=http://127.0.0.1:\(ports[0])",
                    "--listen-peer-urls=http://127.0.0.1:\(ports[1])",
                    "--initial-advertise-peer-urls=http://127.0.0.1:\(ports[1])",
                ],
                environment: ["NOTIFY_SOCKET=\(path)"],
                output: "\(directory.path)/notified"
            )
            #expect(try await member.waits(for: "successfully notified init daemon"))
            #expect(socket.next() == "READY=1")
            member.signal(SIGKILL)
            _ = member.wait()
        }

        @Test(arguments: EtcdTools.all)
        func `every flag of a real etcd is known`(tools: EtcdTools) throws {
            let help = try ChildProcess(tools.etcd, ["--help"], output: directory.path + "/help")
            _ = help.wait()
            let names = help.output.matches(of: #/\n +--([a-z0-9-]+)/#).map { String($0.1) }
            #expect(names.count >= 80)
            for name in names {
                #expect(FlagTable.flag(named: name) != nil, "--\(name) of \(tools.version)")
            }
        }

        @Test func `version and help need no member`() throws {
            let program = try #require(Programs.member)
            let version = try ChildProcess(program, ["--version"], output: directory.path + "/v")
            #expect(version.wait() == 0)
            #expect(version.output.hasPrefix("etcd Version: 3."))
            let help = try ChildProcess(program, ["--help"], output: directory.path + "/h")
            #expect(help.wait() == 0)
            #expect(help.output.contains("--initial-cluster-token"))
        }
    }
}
