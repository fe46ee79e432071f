import EtcdClient
import EtcdProto
import FoundationEssentials
import GRPC
import Glibc
import Logging
import NIOCore
import NIOPosix
import Server
import Synchronization
import TestKit
import Testing

/// Members in this process, each on a loop of its own, with real sockets and files.
actor TestCluster {
    let size: Int
    private let directory: TemporaryDirectory
    private let group: MultiThreadedEventLoopGroup
    private let ports: [Int]
    private var members: [Int: MemberServer] = [:]
    private var clients: [Int: EtcdClient] = [:]
    /// What members said when they could not go on.
    let failures = Failures()

    final class Failures: Sendable {
        private let list = Mutex<[Fatal]>([])
        func note(_ fatal: Fatal) { list.withLock { $0.append(fatal) } }
        var all: [Fatal] { list.withLock { $0 } }
    }

    init(size: Int) throws {
        self.size = size
        directory = try TemporaryDirectory()
        group = MultiThreadedEventLoopGroup(numberOfThreads: size + 1)
        ports = FreePorts.find(2 * size)
    }

    private func name(_ index: Int) -> String { "m\(index)" }
    func clientPort(_ index: Int) -> Int { ports[2 * index] }
    func peerPort(_ index: Int) -> Int { ports[2 * index + 1] }

    nonisolated func settings(_ arguments: [String]) throws(Fatal) -> Settings {
        let flags = try FlagParser(arguments: arguments, environment: [:])
        return try Settings(flags, workingDirectory: "/")
    }

    func dataDirectory(_ index: Int) -> String { "\(directory.path)/\(name(index))" }

    func arguments(_ index: Int) -> [String] {
        let cluster = (0..<size).map { "\(name($0))=http://127.0.0.1:\(peerPort($0))" }
        return [
            "--name=\(name(index))", "--data-dir=\(directory.path)/\(name(index))",
            "--listen-client-urls=http://127.0.0.1:\(clientPort(index))",
            "--advertise-client-urls=http://127.0.0.1:\(clientPort(index))",
            "--listen-peer-urls=http://127.0.0.1:\(peerPort(index))",
            "--initial-advertise-peer-urls=http://127.0.0.1:\(peerPort(index))",
            "--initial-cluster=\(cluster.joined(separator: ","))",
            "--heartbeat-interval=20", "--election-timeout=200",
        ]
    }

    func start(_ index: Int, extra: [String] = []) async throws {
        let loops = Array(group.makeIterator())
        let failures = failures
        members[index] = try await MemberServer.start(
            try settings(arguments(index) + extra),
            eventLoop: loops[index],
            logger: Logger(label: name(index)) { _ in
                LineLogHandler(level: .error, asJSON: false)
            },
            onFatal: { failures.note($0) }
        )
    }

    func startAll() async throws {
        for index in 0..<size { try await start(index) }
    }

    func member(_ index: Int) throws -> MemberServer {
        try #require(members[index])
    }

    func client(_ index: Int) -> EtcdClient {
        if let client = clients[index] { return client }
        let client = EtcdClient(endpoint: "http://127.0.0.1:\(clientPort(index))", group: group)
        clients[index] = client
        return client
    }

    func kill(_ index: Int) async {
        await members.removeValue(forKey: index)?.kill()
        await clients.removeValue(forKey: index)?.close()
    }

    func stop(_ index: Int) async {
        await members.removeValue(forKey: index)?.stop()
    }

    /// The index of the leader, once all running members name the same.
    func leader() async throws -> Int {
        for _ in 0..<200 {
            var leaders: Set<UInt64> = []
            var byID: [UInt64: Int] = [:]
            for index in members.keys.sorted() {
                guard let member = members[index] else { continue }
                byID[member.identity.memberID.rawValue] = index
                leaders.insert(try await member.leadership().leader.rawValue)
            }
            if leaders.count == 1, let id = leaders.first, let index = byID[id] { return index }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw Fatal(.failure, "the members do not agree on a leader", remedy: "see the log")
    }

    func shutdown() async {
        for client in clients.values { await client.close() }
        for index in members.keys.sorted() { await members[index]?.kill() }
        members = [:]
        _ = try? await group.shutdownGracefully()
    }

    /// Runs a test on a cluster and takes it down afterwards, also after a failure.
    static func with(
        size: Int,
        _ body: (TestCluster) async throws -> Void
    ) async throws {
        let cluster = try TestCluster(size: size)
        do {
            try await body(cluster)
        } catch {
            await cluster.shutdown()
            throw error
        }
        await cluster.shutdown()
    }
}

/// TCP ports of the loopback that nobody uses at the moment.
enum FreePorts {
    static func find(_ count: Int) -> [Int] { freePorts(count) }
}

extension PutRequest {
    init(_ key: String, _ value: String) {
        self.init()
        self.key = Data(key.utf8)
        self.value = Data(value.utf8)
    }
}

extension RangeRequest {
    init(_ key: String, serializable: Bool = false) {
        self.init()
        self.key = Data(key.utf8)
        self.serializable = serializable
    }
}

extension RangeResponse {
    var values: [String] { kvs.map { String(decoding: $0.value, as: UTF8.self) } }
}
