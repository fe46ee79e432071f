import EtcdClient
import EtcdProto
import Glibc
import Logging
import NIOCore
import NIOPosix
import Server
import Synchronization
import Testing

extension RunningMembers {
    /// Members that the log cannot help: what they need has been cut off.
    @Suite(.timeLimit(.minutes(3))) struct SnapshotTests {
        @Test func `a member that joins late catches up by a snapshot and starts from it again`()
            async throws
        {
            let machines = try Machines(2)
            do {
                try await machines.start(0, "m0", state: "new")
                let first = machines.client(0)
                let lease = try await first.leaseGrant(ttl: 600).id
                var leased = PutRequest("leased", "v")
                leased.lease = lease
                _ = try await first.put(leased)
                for number in 0..<40 {
                    _ = try await first.put(PutRequest("k\(number)", "v\(number)"))
                }
                // The log is cut off when it has more than 64 MiB that everybody has.
                let large = String(repeating: "x", count: 1_200_000)
                for number in 0..<130 {
                    _ = try await first.put(PutRequest("large\(number % 3)", large))
                }
                let added = try await first.memberAddLearner(peerURLs: [machines.peerURL(1)])
                try await machines.start(1, "m0,m1", state: "existing")
                try await machines.waitForEqualIndex()
                #expect(machines.log.contains("installs a snapshot"))

                // It votes, it goes on from its own files, and the log goes on behind the snapshot.
                let learner = MemberID(rawValue: added.member.id)
                _ = try await first.memberPromote(learner)
                try await machines.waitForEqualHash()
                await machines.kill(1)
                try await machines.start(1, "m0,m1", state: "existing")
                try await machines.waitForEqualHash()
                let second = machines.client(1)
                // A read is asked again until there is a leader with a quorum; a write may be lost
                // on the way to one that is about to step down.
                #expect(try await second.range(RangeRequest("k7")).values == ["v7"])
                _ = try await second.put(PutRequest("after", "snapshot"))
                // Leases and what goes with them came with the snapshot.
                #expect(try await second.leaseLeases().leases.map(\.id) == [lease])
                _ = try await second.leaseRevoke(lease)
                #expect(try await second.range(RangeRequest("leased")).values == [])
                try await machines.waitForEqualHash()
                #expect(try await first.range(RangeRequest("after")).values == ["snapshot"])
                #expect(machines.failures.all.isEmpty)
            } catch {
                await machines.shutdown()
                throw error
            }
            await machines.shutdown()
        }
    }
}

/// What members have said, without details.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    func note(_ line: String) { lines.withLock { $0.append(line) } }
    func contains(_ line: String) -> Bool { all.contains(line) }
}

private struct Collector: LogHandler {
    let lines: Lines
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(lines: Lines) {
        self.lines = lines
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.note("\(event.message)")
    }
}

/// Members that cut their log off soon.
final class Machines {
    private let directory: TemporaryDirectory
    private let group: MultiThreadedEventLoopGroup
    private let ports: [Int]
    private var servers: [MemberServer?]
    private var clients: [EtcdClient?]
    let failures = TestCluster.Failures()
    let log = Lines()

    init(_ count: Int) throws {
        directory = try TemporaryDirectory()
        group = MultiThreadedEventLoopGroup(numberOfThreads: count + 1)
        ports = FreePorts.find(2 * count)
        servers = Array(repeating: nil, count: count)
        clients = Array(repeating: nil, count: count)
    }

    func peerURL(_ index: Int) -> String { "http://127.0.0.1:\(ports[2 * index + 1])" }
    func clientPort(_ index: Int) -> Int { ports[2 * index] }
    private func clientURL(_ index: Int) -> String { "http://127.0.0.1:\(clientPort(index))" }

    func client(_ index: Int) -> EtcdClient {
        if let client = clients[index] { return client }
        let client = EtcdClient(endpoint: clientURL(index), group: group)
        clients[index] = client
        return client
    }

    func start(_ index: Int, _ cluster: String, state: String) async throws {
        let names = cluster.split(separator: ",")
        let initial = names.enumerated().map { "\($1)=\(peerURL($0))" }.joined(separator: ",")
        let flags = try FlagParser(
            arguments: [
                "--name=m\(index)", "--data-dir=\(directory.path)/m\(index)",
                "--listen-client-urls=\(clientURL(index))",
                "--advertise-client-urls=\(clientURL(index))",
                "--listen-peer-urls=\(peerURL(index))",
                "--initial-advertise-peer-urls=\(peerURL(index))",
                "--initial-cluster=\(initial)", "--initial-cluster-state=\(state)",
                "--snapshot-count=50", "--snapshot-catchup-entries=20",
                "--heartbeat-interval=20", "--election-timeout=200",
            ],
            environment: [:]
        )
        let loops = Array(group.makeIterator())
        let (failures, log) = (failures, log)
        servers[index] = try await MemberServer.start(
            try Settings(flags, workingDirectory: "/"),
            eventLoop: loops[index],
            logger: Logger(label: "m\(index)") { _ in Collector(lines: log) },
            onFatal: { failures.note($0) }
        )
    }

    /// Until all members have applied the same; a learner says no more than that.
    func waitForEqualIndex() async throws {
        for _ in 0..<400 {
            var indexes: Set<UInt64> = []
            for index in servers.indices {
                let status = try? await client(index).status(timeout: .seconds(1))
                indexes.insert(status?.raftAppliedIndex ?? UInt64(index))
            }
            if indexes.count == 1 { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw Fatal(.failure, "the members do not catch up: \(log.all)", remedy: "see there")
    }

    /// Until all members have the same rows; each answer is of one moment, so it may take a few.
    func waitForEqualHash() async throws {
        for _ in 0..<400 {
            var hashes: Set<String> = []
            for index in servers.indices {
                let hash = try? await client(index).hashKV(timeout: .seconds(1))
                hashes.insert(hash.map { "\($0.hash) \($0.header.revision)" } ?? "none of \(index)")
            }
            if hashes.count == 1 { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw Fatal(.failure, "the members differ", remedy: "see the log")
    }

    func kill(_ index: Int) async {
        await servers[index]?.kill()
        servers[index] = nil
        await clients[index]?.close()
        clients[index] = nil
    }

    func shutdown() async {
        for index in servers.indices { await kill(index) }
        _ = try? await group.shutdownGracefully()
    }
}
